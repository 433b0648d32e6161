/** What can be said of a version in one word. No import, for pages. */

export const VERDICTS = [
  'active',
  'incomplete',
  'deferred',
  'refused',
  'quarantined',
  'loading',
  'removed',
  'held',
  'superseded',
  'manual',
  'prerelease',
  'outside-range',
  'next',
] as const
export type Verdict = (typeof VERDICTS)[number]
