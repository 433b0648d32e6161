/**
 * When a pass runs: at once after a hint, at least every `reconcileMs`, and whenever an entry asked.
 *
 * P1  a burst of hints makes a pass at its first hint, then one at most every few ms; passes take
 *     at most half of the thread's time.
 * P2  a hint during a pass leads to another pass after it.
 */

import type { Clock, Timer } from '../base/clock.ts'

export interface PassRequest {
  /** Entries to look into; null: everything. */
  readonly only: ReadonlySet<string> | null
  /** Entry → wall clock of the first hint since the last pass. */
  readonly hints: ReadonlyMap<string, number>
}

const SHORTEST_GAP_MS = 4

export class Pacer {
  readonly #clock: Clock
  readonly #reconcileMs: number
  readonly #run: (request: PassRequest) => number | null
  #hints = new Map<string, number>()
  #asked: 'nothing' | 'hinted' | 'full' = 'nothing'
  #running = false
  #stopped = false
  #timer: Timer | undefined
  #gapEndsAt = 0
  #fullAt = 0
  #nextLookAt: number | null = null

  /** `run` makes a pass and returns the monotonic time at which an entry asks for another. */
  constructor(clock: Clock, reconcileMs: number, run: (request: PassRequest) => number | null) {
    this.#clock = clock
    this.#reconcileMs = reconcileMs
    this.#run = run
  }

  /** Something changed in `entry`, or, with null, among the names of the root. */
  hint(entry: string | null): void {
    if (entry !== null && !this.#hints.has(entry)) this.#hints.set(entry, this.#clock.now())
    if (this.#asked === 'nothing') this.#asked = 'hinted'
    this.#soon()
  }

  /** A full pass now; when one is running, after it. */
  full(): void {
    this.#asked = 'full'
    this.#gapEndsAt = 0
    this.#soon()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #soon(): void {
    if (this.#running || this.#stopped) return
    if (this.#clock.monotonic() >= this.#gapEndsAt) this.#pass()
    else this.#arm()
  }

  #pass(): void {
    const began = this.#clock.monotonic()
    const isFull = this.#asked === 'full' || began >= this.#fullAt
    const hints = this.#hints
    this.#hints = new Map()
    this.#asked = 'nothing'
    this.#running = true
    try {
      this.#nextLookAt = this.#run({ only: isFull ? null : new Set(hints.keys()), hints })
    } finally {
      this.#running = false
    }
    const ended = this.#clock.monotonic()
    if (isFull) this.#fullAt = ended + this.#reconcileMs
    this.#gapEndsAt = ended + Math.max(SHORTEST_GAP_MS, ended - began)
    this.#arm()
  }

  #arm(): void {
    this.#timer?.cancel()
    if (this.#stopped) return
    const due = Math.min(
      this.#fullAt,
      this.#nextLookAt ?? Number.POSITIVE_INFINITY,
      this.#asked === 'nothing' ? Number.POSITIVE_INFINITY : this.#gapEndsAt,
    )
    const at = this.#asked === 'full' ? due : Math.max(due, this.#gapEndsAt)
    this.#timer = this.#clock.after(at - this.#clock.monotonic(), () => this.#pass())
  }
}
