/** What a caller of a package that the tenant does not have is told. */

import { HeadgateError } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'

interface Named {
  readonly tenant: string
  readonly package: string
}

/** UNKNOWN_PACKAGE with the nearest of the tenant's own; without `packages` nothing is near. */
export function unknownPackage(
  { tenant, package: name }: Named,
  packages: Iterable<Named> = [],
): HeadgateError {
  const own = [...packages].filter((one) => one.tenant === tenant)
  const names = own.map((one) => one.package)
  return new HeadgateError('UNKNOWN_PACKAGE', {
    tenant,
    package: name,
    nearest: nearest(name, names),
  })
}
