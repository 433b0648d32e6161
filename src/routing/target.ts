/** Which version should get the traffic: the controller's decisions, as values. */

import type { Holds } from '../domain/holds.ts'
import type { PackagePolicy } from '../domain/route.ts'
import { allows, compareVersions } from '../domain/version-policy.ts'

/** A version in the folder that is not refused. */
export interface Candidate {
  readonly version: string
  /** What its own package.json says: whether it may promote itself. */
  readonly promotion: PackagePolicy
}

export interface TargetFacts {
  readonly eligible: readonly Candidate[]
  /** Of the version that is, or was last, in force; null: none ever was. */
  readonly policy: PackagePolicy | null
  readonly held: Holds
  /** What an earlier boot had committed; null: nothing, or it was served since. */
  readonly restored: string | null
  readonly active: string | null
  /** The active version still lies in the folder. */
  readonly activePresent: boolean
}

/**
 * The version to promote; null: nothing to do. First what was active before a restart, then the
 * highest that may promote itself. A lower one only when the active version has left the folder.
 */
export function versionToPromote(facts: TargetFacts): string | null {
  const { eligible, policy, held, restored, active, activePresent } = facts
  const isEligible = eligible.some(({ version }) => version === restored)
  if (active === null && restored !== null && isEligible) return restored
  const best = highestSelfPromoting(eligible, policy, held)
  if (best === null || active === null) return best
  if (best === active) return null
  return !activePresent || compareVersions(best, active) > 0 ? best : null
}

export interface CrashFacts extends Pick<TargetFacts, 'eligible' | 'policy' | 'held'> {
  /** The active version, whose threads die again and again. */
  readonly crashing: string
  /** The version that was active before it; null: none. */
  readonly previous: string | null
}

/**
 * The version that takes the traffic from one in a crash loop; null: it keeps it. The one before
 * it, which somebody or the policy had approved; else a lower one that may promote itself.
 */
export function versionAfterCrash(facts: CrashFacts): string | null {
  const { eligible, policy, held, crashing, previous } = facts
  const others = eligible.filter(({ version }) => version !== crashing && !held.has(version))
  if (others.some(({ version }) => version === previous)) return previous
  const lower = others.filter(({ version }) => compareVersions(version, crashing) < 0)
  return highestSelfPromoting(lower, policy, held)
}

/** The highest that the policy in force allows, its own promotion too, and no hold keeps out. */
export function highestSelfPromoting(
  candidates: readonly Candidate[],
  policy: PackagePolicy | null,
  held: Holds,
): string | null {
  let best: string | null = null
  for (const { version, promotion } of candidates) {
    if (held.has(version) || !allows(promotion, version)) continue
    if (policy !== null && !allows(policy, version)) continue
    if (best === null || compareVersions(version, best) > 0) best = version
  }
  return best
}
