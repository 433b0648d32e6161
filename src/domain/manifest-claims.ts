/**
 * Whether a packed manifest agrees with the package it lies in. Everything here is known without
 * running a line of the package.
 */

import { HeadgateError } from '../base/errors.ts'
import { type Declared, firstDifference } from './declared.ts'
import { type PackageDescriptor, parseDescriptor } from './descriptor.ts'
import { interfaceDigest, interfaceOf, type PackageInterface } from './interface.ts'
import { propertyNames } from './json-schema.ts'
import type { PackedManifest } from './manifest.ts'
import type { PackageJson } from './package-json.ts'

/** What a manifest repeats of package.json and of its own definition, as it must be. */
export interface Claims {
  readonly package: string
  readonly version: string
  readonly description: string | null
  readonly author: string | null
  readonly entry: string
  readonly permissions: PackedManifest['permissions']
  readonly config: readonly string[] | null
  readonly secrets: readonly string[]
  readonly interfaceDigest: string
}

/** The claims that follow from the package; pack writes them, staging compares them. */
export function claimsOf(
  packageJson: PackageJson,
  entryFile: string,
  declared: Declared,
): { readonly claims: Claims; readonly descriptor: PackageDescriptor } {
  const { name, version, description, author, options } = packageJson
  const { net, read, write, env } = options.permissions
  const descriptor = parseDescriptor(declared.definition, { package: name, version })
  const claims: Claims = {
    package: name,
    version,
    description,
    author,
    entry: entryFile,
    permissions: { net, read: [...read], write: [...write], env: [...env] },
    config: propertyNames(declared.schemas.config),
    secrets: descriptor.secrets,
    interfaceDigest: interfaceDigest(
      interfaceOf({
        package: name,
        version,
        descriptor,
        schemas: declared.schemas,
        permissions: options.permissions,
      }),
    ),
  }
  return { claims, descriptor }
}

/**
 * Throws MANIFEST_INVALID naming the first claim that is not so, or what parseDescriptor() throws of
 * the definition in the manifest.
 */
export function requireClaims(
  manifest: PackedManifest,
  packageJson: PackageJson,
  entryFile: string,
  entry: string,
): void {
  const { claims, descriptor } = claimsOf(packageJson, entryFile, manifest)
  const workflows = new Map(descriptor.workflows.map((one) => [one.name, one.hasInput]))
  for (const { workflow } of manifest.schemas.inputs) {
    if (workflows.get(workflow) === true) continue
    throw refusal(entry, `it has an input schema of ${workflow}, whose definition has none`)
  }
  if (manifest.schemas.config !== null && !descriptor.hasConfig) {
    throw refusal(entry, 'it has a schema of a configuration, which its definition has not')
  }
  for (const [key, value] of Object.entries(claims)) {
    const why = firstDifference(value, Reflect.get(manifest, key), key)
    if (why !== null) throw refusal(entry, `it does not agree with the package: ${why}`)
  }
}

/** The interface of a version whose manifest was accepted. */
export function interfaceOfManifest(manifest: PackedManifest): PackageInterface {
  const { package: name, version, permissions, schemas } = manifest
  const id = { package: name, version }
  const descriptor = parseDescriptor(manifest.definition, id)
  return interfaceOf({ ...id, descriptor, schemas, permissions })
}

function refusal(entry: string, why: string): HeadgateError {
  return new HeadgateError('MANIFEST_INVALID', { entry, why })
}
