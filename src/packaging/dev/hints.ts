/**
 * When to look at a source folder: once a burst of hints is over, and now and then without any.
 *
 * Owns: the pauses. Does not own: what a look finds; hints may be wrong or lost.
 *
 * N1  a burst is over when QUIET_MS have passed without a hint, and after LONGEST_MS in any case.
 * N2  a hint that comes while nobody waits is not lost: the next wait counts from it.
 */

import type { Clock, Timer } from '../../base/clock.ts'

/** An editor writes one file in several steps some milliseconds apart. */
const QUIET_MS = 15
const LONGEST_MS = 60
/** Events may be lost: then a change waits for this. */
const LOOK_MS = 1_000

export class Hints {
  readonly #clock: Clock
  #first: number | null = null
  #last = 0
  #closed = false
  #waiting: { readonly began: number; readonly resolve: (at: number | null) => void } | undefined
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  hint(): void {
    this.#last = this.#clock.monotonic()
    this.#first ??= this.#last
    this.#arm()
  }

  /**
   * Resolves when it is time to look, with the monotonic time of the first hint; null: there was
   * none. At once after close().
   */
  next(): Promise<number | null> {
    return new Promise((resolve) => {
      this.#waiting = { began: this.#clock.monotonic(), resolve }
      if (this.#closed) this.#end()
      else this.#arm()
    })
  }

  close(): void {
    this.#closed = true
    this.#end()
  }

  #arm(): void {
    if (this.#waiting === undefined || this.#closed) return
    this.#timer?.cancel()
    const due =
      this.#first === null
        ? this.#waiting.began + LOOK_MS
        : Math.min(this.#last + QUIET_MS, this.#first + LONGEST_MS)
    const wait = Math.max(0, due - this.#clock.monotonic())
    this.#timer = this.#clock.after(wait, () => this.#end())
  }

  #end(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    const first = this.#first
    this.#waiting = undefined
    this.#first = null
    this.#timer?.cancel()
    waiting.resolve(first)
  }
}
