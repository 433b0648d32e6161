/**
 * Calls that wait between two attempts.
 *
 * Owns: their timers, by the generation they are bound to.
 * Does not own: how long one waits (domain/retry.ts), what it does then (task-call.ts,
 * workflow-call.ts).
 *
 * O1  Nobody waits for a generation that takes no more work: flush() lets each go on at once, who
 *     comes later does so too, and each finds that out for itself.
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Generation } from '../generation/generation.ts'

interface Waiting {
  readonly timer: Timer
  readonly goOn: () => void
}

export class Backoffs {
  readonly #clock: Clock
  readonly #waiting = new Map<Generation, Set<Waiting>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `goOn` once, never at once: after `ms`, or at the flush before. */
  wait(generation: Generation, ms: number, goOn: () => void): void {
    const all = this.#waiting.get(generation) ?? new Set()
    this.#waiting.set(generation, all)
    const timer = this.#clock.after(
      generation.live ? ms : 0,
      () => {
        all.delete(waiting)
        if (all.size === 0) this.#waiting.delete(generation)
        goOn()
      },
      { keepAlive: true },
    )
    const waiting: Waiting = { timer, goOn }
    all.add(waiting)
  }

  flush(generation: Generation): void {
    const all = this.#waiting.get(generation)
    if (all === undefined) return
    this.#waiting.delete(generation)
    for (const { timer, goOn } of all) {
      timer.cancel()
      goOn()
    }
  }
}
