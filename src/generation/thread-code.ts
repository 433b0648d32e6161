/**
 * The code that worker threads run, as it lies on disk.
 *
 * A published build brings the bundle (thread-bundle.ts) and is used where it lies. From TypeScript
 * it is bundled once and kept below node_modules/.cache until a source changes; each executor gets a
 * copy, so that what its threads run stays the same while somebody edits.
 */

import { hash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'
import { bundledEntry, bundleThread, SOURCES, THREAD_FLOORS } from './thread-bundle.ts'

export interface ThreadCode {
  /** File URL of the module that piscina imports. */
  readonly entry: string
  /** File URL of what packages get as `headgate/sdk`. */
  readonly sdk: string
  /** Absolute path of the folder whose files the threads may read for it. */
  readonly folder: string
}

/** Beside this module in a published build. */
export const BUILT_FOLDER = 'thread-bundle'

const CACHE = join(SOURCES, '../node_modules/.cache/headgate')

const bundleSchema = z.record(z.string(), z.string())

type Bundle = z.infer<typeof bundleSchema>

/** `folder`: absolute; written only when headgate itself runs from TypeScript. */
export function threadCode(folder: string): ThreadCode {
  const isSource = extname(import.meta.url) === '.ts'
  if (isSource) write(folder, sourceBundle())
  const root = isSource ? folder : fileURLToPath(new URL(BUILT_FOLDER, import.meta.url))
  return {
    entry: pathToFileURL(bundledEntry(root, 'entry.mjs')).href,
    sdk: pathToFileURL(bundledEntry(root, 'sdk.mjs')).href,
    folder: root,
  }
}

function write(folder: string, bundle: Bundle): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [file, text] of Object.entries(bundle)) writeFileSync(join(folder, file), text)
}

function sourceBundle(): Bundle {
  const cached = join(CACHE, `thread-${sourcesHash()}.json`)
  const found = readCached(cached)
  if (found !== null) return found
  const bundle = bundleThread()
  try {
    mkdirSync(CACHE, { recursive: true })
    // Another process may write the same at this moment.
    const temp = `${cached}.${process.pid}`
    writeFileSync(temp, JSON.stringify(bundle))
    renameSync(temp, cached)
  } catch {
    // A tree that cannot be written is bundled each time.
  }
  return bundle
}

function readCached(path: string): Bundle | null {
  try {
    return bundleSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return null
  }
}

/** Of every module that can be in the bundle, and of how it is made. */
function sourcesHash(): string {
  const bundler = join(SOURCES, '../node_modules/esbuild/package.json')
  const files = [
    ...THREAD_FLOORS.flatMap((floor) => filesBelow(join(SOURCES, floor))),
    join(SOURCES, 'generation/thread-bundle.ts'),
    bundler,
  ]
  return hash('sha256', files.map((file) => readFileSync(file, 'utf8')).join('\0')).slice(0, 16)
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
