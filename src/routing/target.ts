/** Which version should get the traffic: the one decision of the controller's loop, as a value. */

import type { PackagePolicy } from '../domain/route.ts'
import { compareVersions, highestEligible } from '../domain/version-policy.ts'

export interface TargetFacts {
  /** Versions in the folder that are not refused. */
  readonly eligible: readonly string[]
  readonly policy: PackagePolicy
  readonly held: ReadonlyMap<string, string>
  /** What an earlier boot had committed; null: nothing, or it was served since. */
  readonly restored: string | null
  readonly active: string | null
  /** The active version still lies in the folder. */
  readonly activePresent: boolean
}

/**
 * The version to promote; null: nothing to do. First what was active before a restart, then the
 * highest eligible one. A lower one only when the active version has left the folder.
 */
export function versionToPromote(facts: TargetFacts): string | null {
  const { eligible, policy, held, restored, active, activePresent } = facts
  if (active === null && restored !== null && eligible.includes(restored)) return restored
  const best = highestEligible(eligible, policy, held)
  if (best === null || active === null) return best
  if (best === active) return null
  return !activePresent || compareVersions(best, active) > 0 ? best : null
}
