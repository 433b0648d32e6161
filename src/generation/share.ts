/** How what waits is shared out among the lanes of a generation. */

import type { Lane } from './lane.ts'

/** What a share depends on. */
export type Filled = Pick<Lane, 'level' | 'moves' | 'heldCount'>

/**
 * How many of the `waiting` the lane should take now, of those with room for such a depth. Lanes that
 * move stay equally full, also when they are filled one by one; one that stands still has no share.
 */
export function shareOf(
  lanes: Iterable<Filled>,
  lane: Filled,
  waiting: number,
  depth: number,
): number {
  let open = 0
  let moving = 0
  let held = 0
  for (const one of lanes) {
    if (one.level <= depth) open++
    if (!one.moves) continue
    moving++
    held += one.heldCount
  }
  const ofWaiting = Math.ceil(waiting / open)
  const ofAll = Math.ceil((waiting + held) / moving) - lane.heldCount
  return Math.max(1, Math.min(ofWaiting, ofAll))
}
