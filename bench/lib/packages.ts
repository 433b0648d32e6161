/** Writes small packages for a scenario to drop. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface PackageFiles {
  readonly name: string
  readonly version: string
  /** The part of package.json for headgate. */
  readonly headgate?: Readonly<Record<string, unknown>>
  /** Text of the entry module. */
  readonly source: string
}

/** Writes the package as folder `<name>-<version>` below `parent` and returns its path. */
export function writePackage(parent: string, files: PackageFiles): string {
  const dir = join(parent, `${files.name}-${files.version}`)
  mkdirSync(dir, { recursive: true })
  const manifest = {
    name: files.name,
    version: files.version,
    type: 'module',
    headgate: { entry: 'index.js', ...files.headgate },
  }
  writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(dir, 'index.js'), files.source)
  return dir
}
