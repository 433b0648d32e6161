/** A package folder as `headgate run-local` takes it: source or packed, where it lies. */

import { readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { type PackageJson, parsePackageJson } from '../domain/package-json.ts'
import { findEntryFile } from '../source/entry-file.ts'

export interface LocalFolder {
  readonly packageJson: PackageJson
  /** Absolute path of the entry module. */
  readonly entry: string
}

/** Throws OPTION_INVALID, PACKAGE_JSON_MISSING, PACKAGE_JSON_INVALID, ENTRY_MISSING. */
export function readLocalFolder(path: string): LocalFolder {
  const dir = resolve(path)
  const name = basename(dir)
  const isThere = (file: string, kind: 'isFile' | 'isDirectory'): boolean =>
    statSync(file, { throwIfNoEntry: false })?.[kind]() === true
  if (!isThere(dir, 'isDirectory')) {
    throw new HeadgateError('OPTION_INVALID', { option: 'dir', why: `${dir} is no folder` })
  }
  if (!isThere(join(dir, 'package.json'), 'isFile')) {
    throw new HeadgateError('PACKAGE_JSON_MISSING', { entry: name })
  }
  const packageJson = parsePackageJson(readText(join(dir, 'package.json'), name), name)
  const entry = findEntryFile(name, packageJson, {
    has: (file) => isThere(join(dir, file), 'isFile'),
  })
  return { packageJson, entry: join(dir, entry) }
}

function readText(file: string, entry: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new HeadgateError('PACKAGE_JSON_INVALID', { entry, why: messageOf(error) })
  }
}
