/**
 * Which file of a version is imported. Pure.
 */

import { posix } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import type { PackageJson } from '../domain/package-json.ts'

const CONVENTION = ['src/index.ts', 'src/index.js', 'index.ts', 'index.js']

/**
 * The entry module relative to the top, with forward slashes: `headgate.entry`, which must exist,
 * else the first that exists of exports["."], main, src/index and index. Throws ENTRY_MISSING.
 */
export function findEntryFile(
  entry: string,
  packageJson: PackageJson,
  files: Pick<ReadonlySet<string>, 'has'>,
): string {
  const named = packageJson.options.entry
  const wanted = named === null ? [...packageJson.entryHints, ...CONVENTION] : [named]
  const found = wanted.map((path) => posix.normalize(path)).find((path) => files.has(path))
  if (found !== undefined) return found
  throw new HeadgateError('ENTRY_MISSING', { entry, files: wanted })
}
