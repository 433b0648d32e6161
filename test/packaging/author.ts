/** An author's machine: source folders to pack, and a place for what comes out. */

import type { KeyObject } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stop } from 'esbuild'
import { createExecutor, type Executor } from '../../src/index.ts'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { type Manifest, type PackedManifest, parseManifest } from '../../src/domain/manifest.ts'
import { type Packed, packFolder } from '../../src/packaging/pack.ts'

export type Files = Readonly<Record<string, string>>

export const REPOSITORY: string = fileURLToPath(new URL('../..', import.meta.url))

export interface Author {
  readonly root: string
  /** Writes a source folder and returns its path. */
  source(folder: string, files: Files): string
  /** Packs as a folder; the same path again is replaced. `sign`: private keys. */
  pack(
    dir: string,
    sign?: readonly KeyObject[],
  ): Promise<{ readonly to: string; readonly packed: Packed }>
}

/** The process sits in an empty folder, as the command line does while it packs. */
export function makeAuthor(t: { teardown(fn: () => unknown): void }): Author {
  const root = mkdtempSync(join(tmpdir(), 'headgate-author-'))
  mkdirSync(join(root, 'cwd'))
  process.chdir(join(root, 'cwd'))
  t.teardown(async () => {
    await stop()
    process.chdir(tmpdir())
    rmSync(root, { recursive: true, force: true })
  })
  let packs = 0
  return {
    root,
    source(folder, files) {
      const dir = join(root, folder)
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true })
        writeFileSync(join(dir, path), text)
      }
      return dir
    },
    async pack(dir, sign = []) {
      const to = join(root, `packed-${packs++}`)
      return { to, packed: await packFolder({ dir, to, sign }) }
    },
  }
}

/** package.json and an entry; `entry` is the text of src/index.ts after the import of the SDK. */
export function own(entry: string, more: Files = {}, packageJson: object = {}): Files {
  const json = {
    name: 'own',
    version: '1.0.0',
    type: 'module',
    headgate: { entry: 'src/index.ts' },
    ...packageJson,
  }
  return {
    'package.json': JSON.stringify(json),
    'src/index.ts': `import { definePackage, workflow } from 'headgate/sdk'\n${entry}`,
    ...more,
  }
}

/** An entry with one task `t` of workflow `w` that answers `expression`. */
export function answering(expression: string, before = ''): string {
  return `${before}
const w = workflow('w').task('t', { run: async () => (${expression}) as never })
export default definePackage({ workflows: [w] })
`
}

export function manifestOf(folder: string): Manifest {
  return parseManifest(readFileSync(join(folder, MANIFEST_FILE), 'utf8'), 'packed')
}

export function packedManifestOf(folder: string): PackedManifest {
  const { packed } = manifestOf(folder)
  if (packed === null) throw new Error(`${folder} has a list of files only`)
  return packed
}

/** Relative, sorted. */
export function listing(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(folder.length + 1))
    .sort()
}

export interface Served {
  readonly executor: Executor
  /** Drops a copy of a packed folder in one rename; resolves when its version is active. */
  serve(folder: string): Promise<void>
  /** Drops it and resolves with the code, or the code and sentence, of its refusal. */
  refused(folder: string): Promise<{ readonly code: string; readonly message: string }>
}

/** A real executor over an empty folder. */
export async function startExecutor(
  t: { teardown(fn: () => unknown): void },
  author: Author,
): Promise<Served> {
  const packagesDir = join(author.root, 'packages')
  mkdirSync(packagesDir)
  const executor = await createExecutor({ packagesDir, dataDir: join(author.root, 'data') })
  t.teardown(() => executor.close({ force: true }))
  let drops = 0
  const drop = (folder: string): { entry: string; package: string; version: string } => {
    const entry = `drop-${drops++}`
    const prepared = join(author.root, entry)
    cpSync(folder, prepared, { recursive: true })
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    renameSync(prepared, join(packagesDir, entry))
    return { entry, package: String(name), version: String(version) }
  }
  const until = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await executor.reconcile()
    }
  }
  const refusalOf = (entry: string): { code: string; message: string } | undefined =>
    [...executor.packages().flatMap((row) => row.refusals), ...executor.status().refusals].find(
      // Incomplete for as long as the copy may be under way.
      (one) => one.entry === entry && one.kind === 'rejected',
    )?.error
  return {
    executor,
    async serve(folder) {
      const { entry, package: name, version } = drop(folder)
      const end = await until(() =>
        executor.package('public', name)?.activeVersion === version ? 'active' : refusalOf(entry),
      )
      if (end !== 'active') throw new Error(`${end.code}: ${end.message}`)
    },
    async refused(folder) {
      const { entry } = drop(folder)
      return until(() => refusalOf(entry))
    },
  }
}
