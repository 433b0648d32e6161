/** How long to wait before the next try to connect. */

import { doubling } from '../base/doubling.ts'

const SHORTEST_MS = 250
const LONGEST_MS = 15_000

/**
 * Full jitter between 0.25 s and a bound that doubles with each failed try up to 15 s, so that the
 * clients of one executor do not all come back in the same moment.
 *
 * `attempt` counts from 0; `random` gives [0, 1).
 */
export function backoffMs(attempt: number, random: () => number): number {
  const bound = doubling(SHORTEST_MS, LONGEST_MS, attempt + 1)
  return SHORTEST_MS + random() * (bound - SHORTEST_MS)
}
