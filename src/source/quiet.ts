/**
 * How long a plain folder must have been quiet before it is taken for whole.
 *
 * Q1  A pause longer than that shows a copy that stalls: it is waited for twice over from then on, and
 *     for MOST_TIMES the usual time at most.
 * Q2  A change after a pause that no copy makes is an edit: the usual time holds again.
 */

const MOST_TIMES = 8

/** ms, as are all. `quiet`: what held before; `longest`: of the pauses that a copy may make. */
export function quietAfter(
  pause: number,
  quiet: number,
  { usual, longest }: { readonly usual: number; readonly longest: number },
): number {
  if (pause > longest) return usual
  return pause <= quiet ? quiet : Math.max(quiet, Math.min(2 * pause, MOST_TIMES * usual))
}
