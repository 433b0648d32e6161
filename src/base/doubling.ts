/** How long to wait before a try, when those before have failed. */

/** ms before try `round` (from 0): `firstMs`, doubled with each round, at most `longestMs`. */
export function doubling(firstMs: number, longestMs: number, round: number): number {
  return Math.min(longestMs, firstMs * 2 ** round)
}
