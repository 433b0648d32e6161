/**
 * Writes a package's TypeScript modules as JavaScript into a slot, so that the thread which loads
 * them need not start a parser of its own (protocol/stripped-types.ts).
 *
 * Owns: which modules are stripped, and the results so far.
 *
 * T1  Parsing only: nothing of the package runs here.
 * T2  A module that cannot be stripped is left out; the thread meets it itself and says what is wrong.
 * T3  A result is found by the hash of its source: the next version of a package brings few new
 *     modules, and only those are parsed.
 */

import { hash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { stripTypes } from '../base/strip-types.ts'
import { STRIPPED_FOLDER, strippable } from '../protocol/stripped-types.ts'

/** More than this is left to the thread. About 50 ms. */
const MOST_MODULES = 200
/** Characters of all results kept. */
const MOST_KEPT = 16_777_216

/** Relative specifiers of imports, exports and `import()`; a few too many do no harm. */
const SPECIFIER = /['"](\.{1,2}\/[^'"\n]+\.m?ts)['"]/g

export class TypeStripper {
  /** SHA-256 of the source → JavaScript, longest unused first. */
  readonly #kept = new Map<string, string>()
  #size = 0

  /** `paths`: all files of the artifact in `dir`; `entry`: the module that is imported. */
  into(slotDir: string, dir: string, paths: readonly string[], entry: string): void {
    const target = join(slotDir, STRIPPED_FOLDER)
    rmSync(target, { recursive: true, force: true })
    const modules = new Set(strippable(paths, packageType(dir)))
    const queue = modules.delete(entry) ? [entry] : []
    for (let count = 0; count < MOST_MODULES; count++) {
      const path = queue.pop()
      if (path === undefined) return
      const code = this.#strip(readFileSync(join(dir, path)))
      if (code === undefined) continue
      mkdirSync(dirname(join(target, path)), { recursive: true })
      writeFileSync(join(target, path), code, { mode: 0o444 })
      for (const [, specifier = ''] of code.matchAll(SPECIFIER)) {
        const next = posix.join(posix.dirname(path), specifier)
        if (modules.delete(next)) queue.push(next)
      }
    }
  }

  #strip(source: Buffer): string | undefined {
    const key = hash('sha256', source, 'hex')
    let code = this.#kept.get(key)
    if (code === undefined) {
      try {
        code = stripTypes(source.toString('utf8'))
      } catch {
        return undefined
      }
      this.#size += code.length
    }
    this.#kept.delete(key)
    this.#kept.set(key, code)
    for (const [oldest, text] of this.#kept) {
      if (this.#size <= MOST_KEPT || oldest === key) break
      this.#kept.delete(oldest)
      this.#size -= text.length
    }
    return code
  }
}

function packageType(dir: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { type?: unknown }).type
  } catch {
    return undefined
  }
}
