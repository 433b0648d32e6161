/**
 * What an operator lets a package have of what it asks for.
 */

import { HeadgateError } from '../base/errors.ts'
import type { PackagePermissions } from './package-json.ts'

/** Permissions of one package of one tenant; what is absent is not granted. */
export interface PermissionGrants {
  readonly net?: boolean
  readonly read?: readonly string[]
  readonly write?: readonly string[]
  readonly env?: readonly string[]
}

/** The first wish that is not granted; null: all are. */
export function refusedWish(
  version: { readonly package: string; readonly version: string },
  wishes: PackagePermissions,
  grants: PermissionGrants,
): HeadgateError | null {
  const refuse = (permission: string): HeadgateError =>
    new HeadgateError('PERMISSION_NOT_GRANTED', {
      package: version.package,
      version: version.version,
      permission,
    })
  if (wishes.net && grants.net !== true) return refuse('net')
  for (const kind of ['read', 'write', 'env'] as const) {
    for (const wish of wishes[kind]) {
      if (grants[kind]?.includes(wish) !== true) return refuse(`${kind}: ${wish}`)
    }
  }
  return null
}
