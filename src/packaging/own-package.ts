/**
 * The source folder of a package on its author's machine: identity, entry, and the digest an executor
 * would give it.
 */

import { readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import { fileListDigest, MANIFEST_FILE } from '../domain/digest.ts'
import { type PackageJson, parsePackageJson } from '../domain/package-json.ts'
import { HEADGATE_VERSION } from '../base/headgate-package.ts'
import { findEntryFile } from '../source/entry-file.ts'
import { inspectDrop } from '../source/inspect.ts'
import { stageFiles } from '../source/stage.ts'
import { StageFault } from '../source/stage-fault.ts'
import { walkDrop } from '../source/walk.ts'
import { listFiles } from './list-files.ts'

export interface OwnPackage {
  /** Absolute, without links. */
  readonly dir: string
  /** Name for messages: the package's, as its folder may be called anything. */
  readonly name: string
  readonly packageJson: PackageJson
  /** The whole of package.json. */
  readonly raw: Readonly<Record<string, unknown>>
  /** Relative to `dir`. */
  readonly entryFile: string
  /** Sorted, relative; without node_modules and names that begin with a dot. */
  readonly files: readonly string[]
}

/** `path` may be a link to the folder. Throws what staging would throw of it, or PATH_NOT_FOUND. */
export function readOwnPackage(path: string): OwnPackage {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new HeadgateError('PATH_NOT_FOUND', { path })
  }
  // The bundler names modules by where they really lie; what is relative to `dir` has to agree.
  const dir = realpathSync(path)
  let text: string
  try {
    text = readFileSync(join(dir, 'package.json'), 'utf8')
  } catch (fault) {
    throw new HeadgateError('PACKAGE_JSON_MISSING', { entry: dir }, { cause: fault })
  }
  const running = { node: process.versions.node, headgate: HEADGATE_VERSION }
  const packageJson = parsePackageJson(text, dir, running)
  const files = listFiles(dir)
  return {
    dir,
    name: packageJson.name,
    packageJson,
    raw: JSON.parse(text),
    entryFile: findEntryFile(dir, packageJson, new Set(files)),
    files,
  }
}

/** `analytics-2.1.0.tgz`, `acme-billing-1.0.0.tgz`: as npm names it. */
export function archiveName({ name, version }: Pick<PackageJson, 'name' | 'version'>): string {
  return `${flatName(name)}-${version}.tgz`
}

/** True for an archive of the package at its own top, as npm pack leaves it: no next one holds it. */
export function isOwnArchive(path: string, name: string): boolean {
  return path.startsWith(`${flatName(name)}-`) && path.endsWith('.tgz') && !path.includes('/')
}

/**
 * The digest of the folder itself, were it dropped; null: an executor would not take it as it is, for
 * instance because of symbolic links in its node_modules.
 */
export function sourceDigest({ dir }: OwnPackage): string | null {
  const walk = walkDrop(dir)
  if (walk === null || walk.unread !== null || inspectDrop(dir, walk) !== null) return null
  const files = walk.files.filter(({ path }) => path !== MANIFEST_FILE)
  try {
    const nothing = { to: null, keep: new Set<string>(), expected: new Map(), between: () => {} }
    return fileListDigest(stageFiles({ from: dir, files, ...nothing }).files)
  } catch (fault) {
    if (fault instanceof StageFault) return null
    throw fault
  }
}

function flatName(name: string): string {
  return name.replace(/^@/, '').replace('/', '-')
}
