/** A clock that stands still until it is told to go on. */

import type { Clock, Timer } from '../../src/base/clock.ts'

interface Waiting {
  readonly at: number
  readonly fn: () => void
}

export class ManualClock implements Clock {
  #time = 1_000_000
  readonly #waiting = new Set<Waiting>()

  now(): number {
    return this.#time
  }

  monotonic(): number {
    return this.#time
  }

  after(ms: number, fn: () => void): Timer {
    const waiting = { at: this.#time + ms, fn }
    this.#waiting.add(waiting)
    return { cancel: () => void this.#waiting.delete(waiting) }
  }

  get timers(): number {
    return this.#waiting.size
  }

  /** Lets time pass; timers fire in their order, each at its own time. */
  advance(ms: number): void {
    const end = this.#time + ms
    for (;;) {
      const due = [...this.#waiting].filter((w) => w.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#waiting.delete(due)
      this.#time = Math.max(this.#time, due.at)
      due.fn()
    }
    this.#time = end
  }
}
