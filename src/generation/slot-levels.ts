/**
 * How many slots a lane has, and which of the free ones a request may take.
 *
 * A call that waits for a nested one keeps its slot, so slots must never run out for the nested one.
 *
 * V1  A request leaves a reserve of slots free that is smaller with each depth and nothing at the
 *     greatest. The last slot is held only by calls that may make none of their own: it comes free.
 *     So those of the depth before come free as well, and so on up to the outermost. However calls
 *     call each other, also over several packages, none waits for ever for a slot.
 * V2  Calls of depth 0 that wait for nothing but themselves find as many slots as may run at once.
 */

import { NESTING_LIMIT } from '../domain/call-depth.ts'

/** Slots for each call that may run: calls that wait cost memory only, some 50 bytes. */
const SLOTS_A_CALL = 4

export class SlotLevels {
  readonly slots: number
  /** By depth. */
  readonly #reserves: readonly number[]

  /** `concurrency`: calls that may run at once. */
  constructor(concurrency: number) {
    const slots = SLOTS_A_CALL * concurrency + NESTING_LIMIT
    this.slots = slots
    this.#reserves = Array.from({ length: NESTING_LIMIT + 1 }, (_, depth) =>
      // Half of what is left for each depth, so that a few levels have many slots.
      Math.max(NESTING_LIMIT - depth, slots >> (depth + 1)),
    )
  }

  /** How many of `free` slots requests of depth 0 may take; below 1: none. */
  outermost(free: number): number {
    return free - (this.#reserves[0] ?? 0)
  }

  /** The least depth for which one of `free` slots may be taken; above NESTING_LIMIT: there is none. */
  least(free: number): number {
    let depth = 0
    while (depth <= NESTING_LIMIT && free <= (this.#reserves[depth] ?? 0)) depth++
    return depth
  }
}
