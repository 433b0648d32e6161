/**
 * How many versions may be brought up at one time: a thousand that start at once would all be slow,
 * and run into their load timeouts together.
 */

import { availableParallelism } from 'node:os'

/** More than there are cores: a setup that waits for a database must not hold up the others. */
const AT_ONCE = Math.max(8, 4 * availableParallelism())

export class LoadGate {
  readonly #limit: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limit: number = AT_ONCE) {
    this.#limit = limit
  }

  /** Runs `work` when there is room, in the order of the calls. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running++
    // Whoever leaves hands its place over.
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
