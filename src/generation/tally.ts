/** What the tasks of one generation came to so far. */

import { DurationHistogram } from '../base/histogram.ts'

export class Tally {
  /** Time in the worker, begin to end. */
  readonly times: DurationHistogram = new DurationHistogram()
  #served = 0
  #failed = 0
  #next: (() => void) | undefined

  get served(): number {
    return this.#served
  }

  get failed(): number {
    return this.#failed
  }

  /** All that ended. */
  get calls(): number {
    return this.#served + this.#failed
  }

  /** Calls `fn` once, at the next answer. */
  onNext(fn: () => void): void {
    this.#next = fn
  }

  /** One ended with its thread. */
  lost(): void {
    this.#failed++
  }

  count(ok: boolean, ranMs: number): void {
    if (this.#next !== undefined) {
      const tell = this.#next
      this.#next = undefined
      tell()
    }
    if (ok) this.#served++
    else this.#failed++
    this.times.record(ranMs)
  }
}
