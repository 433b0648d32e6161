/**
 * The code that worker threads run.
 *
 * A published build is JavaScript and is used where it lies. From TypeScript sources a copy with the
 * types stripped is made once: a thread that strips types itself needs 70 ms and twice the CPU to
 * start, one that does not 20 ms, and it starts beside a version that has just taken over traffic.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { stripTypes } from '../base/strip-types.ts'

export interface ThreadCode {
  /** File URL of the module that piscina imports. */
  readonly entry: string
  /** Absolute paths of the folders whose files the threads may read for it. */
  readonly folders: readonly string[]
}

const SOURCES = fileURLToPath(new URL('..', import.meta.url))
const ENTRIES = ['generation/thread/entry', 'sdk/index'] as const
/** Floors that the thread entry imports from. */
const FLOORS = ['generation/thread', 'hosting', 'base', 'protocol', 'sdk']

/** `folder`: absolute; written only when headgate itself runs from TypeScript. */
export function threadCode(folder: string): ThreadCode {
  const extension = extname(import.meta.url)
  if (extension === '.ts') copyStripped(folder)
  const root = extension === '.ts' ? folder : SOURCES
  return {
    entry: pathToFileURL(join(root, `${ENTRIES[0]}.js`)).href,
    folders: FLOORS.map((floor) => join(root, floor)),
  }
}

/** Every module that the entries reach, as `.js`. */
function copyStripped(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
  const queue = ENTRIES.map((entry) => join(SOURCES, `${entry}.ts`))
  const seen = new Set(queue)
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const from = dirname(path)
    const code = stripTypes(readFileSync(path, 'utf8')).replace(
      // Any relative path in quotes that ends so: imports.
      /'(\.{1,2}\/[^'\n]+)\.ts'/g,
      (_, specifier: string) => {
        const target = join(from, `${specifier}.ts`)
        if (!seen.has(target)) {
          seen.add(target)
          queue.push(target)
        }
        return `'${specifier}.js'`
      },
    )
    const copy = join(folder, relative(SOURCES, path).replace(/\.ts$/, '.js'))
    mkdirSync(dirname(copy), { recursive: true })
    writeFileSync(copy, code)
  }
}
