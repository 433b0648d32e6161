/**
 * Which idle versions give their threads up, so that many packages need few threads.
 *
 * B1  Only the active version of a package that nothing is bound to, and nothing waits for, gives its
 *     threads up; the limit is a goal, busy versions may exceed it.
 * B2  Over the limit the one that has been idle longest goes first.
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Generation } from '../generation/generation.ts'

/** Looks in the time after which an idle version gives its threads up. */
const LOOKS = 4

export interface ThreadBudgetOptions {
  readonly generations: () => Iterable<Generation>
  /** Calls wait for it that are bound to it when a thread takes them. */
  readonly isAwaited: (generation: Generation) => boolean
  /** Worker threads of all versions together. */
  readonly maxThreads: number
  /** How long an idle version keeps its threads, ms. */
  readonly coldAfterMs: number
  readonly clock: Clock
}

export class ThreadBudget {
  readonly #options: ThreadBudgetOptions
  #timer: Timer | undefined
  #enforcing = false
  #closed = false

  constructor(options: ThreadBudgetOptions) {
    this.#options = options
  }

  /** Threads were added or given up, or time has passed. */
  enforce(): void {
    // What rests says so, and is counted.
    if (this.#enforcing) return
    this.#enforcing = true
    try {
      this.#enforce()
    } finally {
      this.#enforcing = false
    }
  }

  #enforce(): void {
    const { generations, isAwaited, maxThreads, coldAfterMs, clock } = this.#options
    const now = clock.monotonic()
    let threads = 0
    const idle: { readonly generation: Generation; readonly since: number }[] = []
    for (const generation of generations()) {
      threads += generation.threads
      const since = isAwaited(generation) ? null : generation.idleSince
      if (since !== null) idle.push({ generation, since })
    }
    idle.sort((a, b) => a.since - b.since)
    for (const { generation, since } of idle) {
      if (threads <= maxThreads && now - since < coldAfterMs) continue
      threads -= generation.threads
      generation.rest()
    }
    // Busy ones become idle without a word.
    if (threads > 0) this.#lookLater()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #lookLater(): void {
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = this.#options.clock.after(this.#options.coldAfterMs / LOOKS, () => {
      this.#timer = undefined
      this.enforce()
    })
  }
}
