/** Drops on disk, and a source that watches them, for the tests of this folder. */

import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Logger, silentLogger } from '../../src/base/logger.ts'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import type { RefusedDrop, Source, SourceOptions, StagedDrop } from '../../src/source/source.ts'
import { createSource } from '../../src/source/thread-source.ts'

export type Files = Readonly<Record<string, string>>

/** The files of a small package; further ones by `more`. */
export function packageFiles(name: string, version: string, more: Files = {}): Files {
  return {
    'package.json': JSON.stringify({ name, version, type: 'module' }),
    'src/index.ts': `export default ${JSON.stringify(`${name}@${version}`)}\n`,
    ...more,
  }
}

/** Adds the manifest that lists `files`. */
export function packed(files: Files): Files {
  const list = Object.entries(files).map(([path, text]) => ({
    path,
    size: Buffer.byteLength(text),
    sha256: createHash('sha256').update(text).digest('hex'),
  }))
  return { ...files, [MANIFEST_FILE]: JSON.stringify({ contract: 1, files: list }) }
}

export function writeFiles(top: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true })
    writeFileSync(join(top, path), text)
  }
}

export interface Place {
  readonly root: string
  readonly packagesDir: string
  readonly artifactsDir: string
  /** Renames a folder prepared elsewhere on the same file system to `packagesDir/<entry>`. */
  drop(entry: string, files: Files): void
  path(entry: string): string
}

/** Temporary folders, deleted after the test. */
export function makePlace(t: { teardown(fn: () => void): void }): Place {
  const root = mkdtempSync(join(tmpdir(), 'headgate-source-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const packagesDir = join(root, 'packages')
  mkdirSync(packagesDir)
  let drops = 0
  const path = (entry: string): string => join(packagesDir, entry)
  return {
    root,
    packagesDir,
    artifactsDir: join(root, 'artifacts'),
    path,
    drop(entry, files) {
      const prepared = join(root, `prepared-${drops++}`)
      writeFiles(prepared, files)
      mkdirSync(dirname(path(entry)), { recursive: true })
      renameSync(prepared, path(entry))
    },
  }
}

export interface Seen {
  readonly source: Source
  /** Every event as one line, in order. */
  readonly lines: string[]
  staged(accept?: (drop: StagedDrop) => boolean): Promise<StagedDrop>
  refused(accept?: (drop: RefusedDrop) => boolean): Promise<RefusedDrop>
}

/** A source over `place`, closed after the test. */
export function watchPlace(
  t: { teardown(fn: () => Promise<void>): void },
  place: Place,
  options: Partial<SourceOptions> = {},
  logger: Logger = silentLogger,
): Seen {
  const { packagesDir, artifactsDir } = place
  const timing = { reconcileMs: 60, quietMs: 80, removeAfterMs: 100 }
  const source = createSource({ packagesDir, artifactsDir, ...timing, ...options }, { logger })
  t.teardown(() => source.close())
  const lines: string[] = []
  const allStaged: StagedDrop[] = []
  const allRefused: RefusedDrop[] = []
  source.events.on('staged', (drop) => {
    allStaged.push(drop)
    lines.push(`staged ${drop.entry} ${drop.package}@${drop.version}`)
  })
  source.events.on('refused', (drop) => {
    allRefused.push(drop)
    lines.push(`${drop.kind} ${drop.entry} ${drop.error.code}`)
  })
  source.events.on('cleared', ({ entry }) => lines.push(`cleared ${entry}`))
  source.events.on('removed', (drop) => {
    lines.push(`removed ${drop.entry} ${drop.package}@${drop.version}`)
  })
  return {
    source,
    lines,
    staged: async (accept = () => true) =>
      allStaged.find(accept) ?? (await source.events.once('staged', accept)),
    refused: async (accept = () => true) =>
      allRefused.find(accept) ?? (await source.events.once('refused', accept)),
  }
}
