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

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { stripTypes } from '../base/strip-types.ts'
import { STRIPPED_FILE, type StrippedModules, strippable } from '../protocol/stripped-types.ts'

/** More than this is left to the thread. About 50 ms. */
const MOST_MODULES = 200
/** Characters of all results kept. */
const MOST_KEPT = 16_777_216

/** Relative specifiers of imports, exports and `import()`; a few too many do no harm. */
const SPECIFIER = /['"](\.{1,2}\/[^'"\n]+\.m?ts)['"]/g

interface Stripped {
  readonly code: string
  /** Relative specifiers of other modules. */
  readonly specifiers: readonly string[]
}

export class TypeStripper {
  /** By SHA-256 of the source; longest unused first. */
  readonly #kept = new Map<string, Stripped>()
  #size = 0

  /** `hashes`: the SHA-256 of each file of the artifact in `dir`; `entry`: the module imported. */
  into(slotDir: string, dir: string, hashes: ReadonlyMap<string, string>, entry: string): void {
    const target = join(slotDir, STRIPPED_FILE)
    // A package's own file of the name is a link to the artifact, which must not be written to.
    rmSync(target, { recursive: true, force: true })
    const modules = this.#modules(dir, hashes, entry)
    if (Object.keys(modules).length === 0) return
    writeFileSync(target, JSON.stringify(modules), { mode: 0o444, flag: 'wx' })
  }

  #modules(dir: string, hashes: ReadonlyMap<string, string>, entry: string): StrippedModules {
    const found: [string, string][] = []
    const modules = new Set(strippable([...hashes.keys()], packageType(dir)))
    const queue = modules.delete(entry) ? [entry] : []
    for (let count = 0; count < MOST_MODULES; count++) {
      const path = queue.pop()
      if (path === undefined) break
      const stripped = this.#strip(join(dir, path), hashes.get(path) ?? '')
      if (stripped === undefined) continue
      found.push([path, stripped.code])
      for (const specifier of stripped.specifiers) {
        const next = posix.join(posix.dirname(path), specifier)
        if (modules.delete(next)) queue.push(next)
      }
    }
    return Object.fromEntries(found)
  }

  #strip(file: string, key: string): Stripped | undefined {
    let stripped = this.#kept.get(key)
    if (stripped === undefined) {
      let code: string
      try {
        code = stripTypes(readFileSync(file, 'utf8'))
      } catch {
        return undefined
      }
      const specifiers = [...code.matchAll(SPECIFIER)].map(([, specifier = '']) => specifier)
      stripped = { code, specifiers }
      this.#size += code.length
    }
    this.#kept.delete(key)
    this.#kept.set(key, stripped)
    for (const [oldest, { code }] of this.#kept) {
      if (this.#size <= MOST_KEPT || oldest === key) break
      this.#kept.delete(oldest)
      this.#size -= code.length
    }
    return stripped
  }
}

function packageType(dir: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { type?: unknown }).type
  } catch {
    return undefined
  }
}
