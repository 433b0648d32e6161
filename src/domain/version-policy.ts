/**
 * Which version of those present: by policy, or by a caller's pin. npm's rules for prereleases.
 */

import semver from 'semver'
import { HeadgateError } from '../base/errors.ts'
import { printable } from './names.ts'
import type { PackagePolicy } from './route.ts'

/** A range from outside is parsed on the main thread. */
const LONGEST_RANGE = 256

/** `version` itself when it is exact and without build metadata; throws VERSION_INVALID. */
export function checkVersion(version: string): string {
  if (typeof version === 'string' && semver.valid(version) === version) return version
  throw new HeadgateError('VERSION_INVALID', { version: printable(version) })
}

/** Negative when `a` is the lower one. Both must be valid. */
export function compareVersions(a: string, b: string): number {
  return semver.compare(a, b)
}

/** Whether the policy lets `version` be promoted without an operator. `auto` takes no prerelease. */
export function allows(policy: PackagePolicy, version: string): boolean {
  switch (policy.mode) {
    case 'manual':
      return false
    case 'auto':
      return semver.valid(version) !== null && semver.prerelease(version) === null
    case 'range':
      return parseRange(policy.range)?.test(version) === true
  }
}

/** The highest version that the policy allows and that is not held; null: none. */
export function highestEligible(
  versions: Iterable<string>,
  policy: PackagePolicy,
  held: ReadonlyMap<string, string>,
): string | null {
  return highest(versions, (version) => !held.has(version) && allows(policy, version))
}

/** The version a pin means: itself when present, else the highest in the range; null: none. */
export function matchVersion(wanted: string, versions: Iterable<string>): string | null {
  const present = [...versions]
  if (present.includes(wanted)) return wanted
  const range = parseRange(wanted)
  return range === null ? null : highest(present, (v) => range.test(v))
}

/** `auto`, `manual`, or the range. */
export function describePolicy(policy: PackagePolicy): string {
  return policy.mode === 'range' ? policy.range : policy.mode
}

/** What describePolicy writes; throws OPTION_INVALID. */
export function parsePolicy(text: string): PackagePolicy {
  const wanted = typeof text === 'string' ? text.trim() : ''
  if (wanted === 'auto' || wanted === 'manual') return { mode: wanted }
  if (parseRange(wanted) === null) {
    throw new HeadgateError('OPTION_INVALID', {
      option: 'policy',
      why: `${printable(text)} is neither auto nor manual nor a range of versions such as ^1.2.0`,
    })
  }
  return { mode: 'range', range: wanted }
}

/** null: not a range. An empty text is none (npm takes it for all), nor is one with metadata. */
function parseRange(text: string): semver.Range | null {
  if (text.trim() === '' || text.length > LONGEST_RANGE || text.includes('+')) return null
  try {
    return new semver.Range(text)
  } catch {
    return null
  }
}

function highest(versions: Iterable<string>, accepts: (version: string) => boolean): string | null {
  let best: string | null = null
  for (const version of versions) {
    if (semver.valid(version) === null || !accepts(version)) continue
    if (best === null || semver.gt(version, best)) best = version
  }
  return best
}
