/** Why there is no version of a package to call or to promote. */

import { HeadgateError } from '../base/errors.ts'
import { matchVersion } from '../domain/version-policy.ts'
import type { Catalog } from './catalog.ts'

/** NO_MATCHING_VERSION with what there is. */
export function noMatch(packageName: string, catalog: Catalog, wanted: string): HeadgateError {
  const present = catalog.versions()
  return new HeadgateError('NO_MATCHING_VERSION', { package: packageName, wanted, present })
}

/** Why a pin cannot be called: for now, where its version is put off. */
export function notCallable(packageName: string, catalog: Catalog, wanted: string): HeadgateError {
  const version = matchVersion(wanted, catalog.versions())
  const refusal = version === null ? undefined : catalog.refusal(version)
  return refusal?.kind === 'deferred'
    ? HeadgateError.fromRecord(refusal.error)
    : noMatch(packageName, catalog, wanted)
}
