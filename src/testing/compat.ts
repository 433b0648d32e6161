/** What a package's interface became since a version that is out, for a test that guards its number. */

import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { type Comparison, compareInterfaces } from '../domain/compat.ts'
import { parseDescriptor } from '../domain/descriptor.ts'
import { MANIFEST_FILE } from '../domain/digest.ts'
import { interfaceOf, type PackageInterface } from '../domain/interface.ts'
import { parseManifest } from '../domain/manifest.ts'
import { parsePackageJson } from '../domain/package-json.ts'
import { describe, describeSchemas } from '../hosting/definition.ts'
import type { PackageDefinition } from '../sdk/definition.ts'

export interface CompatOptions {
  /** The package's own folder, with its package.json: a path, or a file URL. */
  readonly dir: string | URL
  /**
   * The version to compare with, as `headgate pack` wrote it: its headgate.manifest.json, or the
   * unpacked folder that holds it. A path, or a file URL.
   */
  readonly previous: string | URL
}

/**
 * Compares `definition` with a previous version: every change, whether it is breaking, the version
 * number this asks for (`lowest`), and whether package.json has it (`honoured`). The same comparison
 * as `headgate diff`. Throws PATH_NOT_FOUND, PACKAGE_JSON_INVALID, MANIFEST_INVALID, or the code the
 * definition would be refused with.
 */
export function compat(definition: PackageDefinition, options: CompatOptions): Comparison {
  return compareInterfaces(
    previousInterface(pathOf(options.previous)),
    ownInterface(definition, pathOf(options.dir)),
  )
}

function ownInterface(definition: PackageDefinition, dir: string): PackageInterface {
  const own = parsePackageJson(read(join(dir, 'package.json')), dir)
  const id = { package: own.name, version: own.version }
  return interfaceOf({
    ...id,
    descriptor: parseDescriptor(describe(definition), id),
    schemas: describeSchemas(definition),
    permissions: own.options.permissions,
  })
}

function previousInterface(path: string): PackageInterface {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  const file = isFolder ? join(path, MANIFEST_FILE) : path
  const { packed } = parseManifest(read(file), file)
  if (packed === null) {
    const why = 'it lists files only; compare with what `headgate pack` writes'
    throw new HeadgateError('MANIFEST_INVALID', { entry: file, why })
  }
  const id = { package: packed.package, version: packed.version }
  const descriptor = parseDescriptor(packed.definition, id)
  return interfaceOf({
    ...id,
    descriptor,
    schemas: packed.schemas,
    permissions: packed.permissions,
  })
}

function pathOf(place: string | URL): string {
  return place instanceof URL ? fileURLToPath(place) : resolve(place)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (fault) {
    throw new HeadgateError(
      'PATH_NOT_FOUND',
      { path: file, why: messageOf(fault) },
      { cause: fault },
    )
  }
}
