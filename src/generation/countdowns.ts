/** The two waits in the life of a generation: until it must have drained, until it is warm no longer. */

import type { Clock, Timer } from '../base/clock.ts'

export interface CountdownOptions {
  readonly clock: Clock
  readonly drainTimeoutMs: number
  readonly keepWarmMs: number
  readonly onDrainDeadline: () => void
  /** false: it is needed still, and has its time once more. */
  readonly onWarmEnough: () => boolean
}

export class Countdowns {
  readonly #options: CountdownOptions
  #drain: Timer | undefined
  #warm: Timer | undefined
  #deadlineAt: number | null = null

  constructor(options: CountdownOptions) {
    this.#options = options
  }

  /** Wall clock, ms; null: it is not draining. */
  get drainDeadlineAt(): number | null {
    return this.#deadlineAt
  }

  armDrain(): void {
    const { clock, drainTimeoutMs, onDrainDeadline } = this.#options
    this.#deadlineAt = clock.now() + drainTimeoutMs
    this.#drain = clock.after(drainTimeoutMs, onDrainDeadline)
  }

  cancelDrain(): void {
    this.#drain?.cancel()
    this.#deadlineAt = null
  }

  armWarm(): void {
    const { clock, keepWarmMs, onWarmEnough } = this.#options
    this.#warm = clock.after(keepWarmMs, () => {
      if (!onWarmEnough()) this.armWarm()
    })
  }

  cancelWarm(): void {
    this.#warm?.cancel()
  }
}
