/**
 * Time that stands until nothing else can happen.
 *
 * Owns: the timers of a test kit, and when they fire.
 *
 * C1  While somebody holds it, time passes only by advance().
 * C2  When nobody holds it and a timer waits, it jumps to the earliest one, one timer a turn of the
 *     event loop: whatever follows from a timer has happened before the next.
 * C3  Timers fire by due time, then in the order in which they were set; `now` is then their own time.
 */

import type { Timer } from '../base/clock.ts'
import type { PacedClock } from './paced-clock.ts'

interface Waiting {
  readonly at: number
  readonly fn: () => void
}

export class FakeClock implements PacedClock {
  readonly #timers = new Set<Waiting>()
  #now: number
  #holds = 0
  #jumping = false
  #advancing = 0

  /** `now`: ms since 1970. */
  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, fn: () => void): Timer {
    const waiting: Waiting = { at: this.#now + Math.max(0, ms), fn }
    this.#timers.add(waiting)
    this.#jumpSoon()
    return { cancel: () => void this.#timers.delete(waiting) }
  }

  hold(): () => void {
    this.#holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds--
      this.#jumpSoon()
    }
  }

  /** Lets `ms` pass, also while it is held; resolves when all that follows at once has happened. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + Math.max(0, ms)
    this.#advancing++
    try {
      for (;;) {
        await turn()
        const due = this.#earliest()
        if (due === undefined || due.at > end) break
        this.#fire(due)
      }
      this.#now = Math.max(this.#now, end)
      await turn()
    } finally {
      this.#advancing--
      this.#jumpSoon()
    }
  }

  /** C2 */
  #jumpSoon(): void {
    if (this.#jumping || this.#holds > 0 || this.#timers.size === 0) return
    this.#jumping = true
    setImmediate(() => {
      this.#jumping = false
      if (this.#holds > 0 || this.#advancing > 0) return
      const due = this.#earliest()
      if (due !== undefined) this.#fire(due)
      this.#jumpSoon()
    })
  }

  /** C3: a set keeps the order of insertion. */
  #earliest(): Waiting | undefined {
    let earliest: Waiting | undefined
    for (const one of this.#timers)
      if (earliest === undefined || one.at < earliest.at) earliest = one
    return earliest
  }

  #fire(timer: Waiting): void {
    this.#timers.delete(timer)
    this.#now = Math.max(this.#now, timer.at)
    timer.fn()
  }
}

/** One turn of the event loop: what waits for promises alone has then gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
