/** Ends generations in standby that nobody calls: those loaded for a pin, or beside the active one. */

import type { Generation } from '../generation/generation.ts'

/** A generation is looked at no more often. */
const SHORTEST_IDLE_MS = 50

export class IdleWatch {
  readonly #after: (ms: number, fn: () => void) => void
  readonly #watched = new WeakSet<Generation>()

  constructor(after: (ms: number, fn: () => void) => void) {
    this.#after = after
  }

  /** It keeps its thread while it is called, and keepWarm after that. */
  watch(generation: Generation): void {
    if (this.#watched.has(generation)) return
    this.#watched.add(generation)
    this.#expireWhenIdle(generation)
  }

  #expireWhenIdle(generation: Generation): void {
    const { tally } = generation
    const calls = tally.served + tally.failed
    this.#after(Math.max(SHORTEST_IDLE_MS, generation.keepWarmMs), () => {
      if (generation.state !== 'standby') return
      if (generation.ledger.zero && tally.served + tally.failed === calls) {
        generation.take('expire', 'not called any more')
      } else this.#expireWhenIdle(generation)
    })
  }
}
