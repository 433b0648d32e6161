/** Ends generations in standby that nobody calls: loaded for a pin, or never promoted. */

import type { Generation } from '../generation/generation.ts'

/** A generation is looked at no more often. */
const SHORTEST_IDLE_MS = 50

export class IdleWatch {
  readonly #after: (ms: number, fn: () => void) => void

  constructor(after: (ms: number, fn: () => void) => void) {
    this.#after = after
  }

  /** Call once, in standby. It keeps its thread while it is called, and keepWarm after that. */
  watch(generation: Generation): void {
    const { tally } = generation
    const { calls } = tally
    this.#after(Math.max(SHORTEST_IDLE_MS, generation.keepWarmMs), () => {
      if (generation.state !== 'standby') return
      const isCalled = !generation.ledger.zero || tally.calls !== calls
      if (isCalled || generation.claims.any) this.watch(generation)
      else generation.take('expire', 'not called any more')
    })
  }
}
