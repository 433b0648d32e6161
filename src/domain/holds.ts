/**
 * Holds: versions that automatic promotion and fallback pass over, each with its reason. Pure.
 *
 * H1  A promotion by hand says which version is wanted. Every version in the folder above it is held,
 *     so that nothing undoes the choice; holds that an earlier promotion left below it are lifted,
 *     because the choice they guarded is no longer in force.
 * H2  A quarantine says that a version is bad. Its hold stays until that very version is promoted by
 *     hand, whatever else is promoted meanwhile.
 */

import { compareVersions } from './version-policy.ts'

/** Version → reason. */
export type Holds = ReadonlyMap<string, string>

/** How the reason of a quarantine's hold begins; the store keeps reasons as text. */
const QUARANTINED = 'quarantined: '

export function quarantineReason(exits: number): string {
  return `${QUARANTINED}${exits} threads lost`
}

export function isQuarantine(reason: string): boolean {
  return reason.startsWith(QUARANTINED)
}

/** `present`: all versions in the folder. A version that is held already keeps its reason. */
export function holdsAfterPromotion(
  before: Holds,
  promoted: string,
  present: Iterable<string>,
  reason: string,
): Map<string, string> {
  const isAbove = (version: string): boolean => compareVersions(version, promoted) > 0
  const after = new Map<string, string>()
  for (const [version, why] of before) {
    if (version === promoted) continue
    if (isQuarantine(why) || isAbove(version)) after.set(version, why)
  }
  for (const version of present) {
    if (isAbove(version) && !after.has(version)) after.set(version, reason)
  }
  return after
}
