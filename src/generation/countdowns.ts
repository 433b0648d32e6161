/**
 * The two waits in the life of a generation: until it must have drained, until it is warm no longer.
 * Its methods are named as the effects that ask for them (domain/generation-state.ts).
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Claims } from './claims.ts'

export interface CountdownOptions {
  readonly clock: Clock
  /** While there are any, both waits go on. */
  readonly claims: Claims
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
    const { clock, claims, drainTimeoutMs, onDrainDeadline } = this.#options
    this.#deadlineAt = clock.now() + drainTimeoutMs
    const drain = clock.after(drainTimeoutMs, () =>
      claims.whenFree(() => {
        // Promoted meanwhile, it has no deadline any more.
        if (this.#drain === drain) onDrainDeadline()
      }),
    )
    this.#drain = drain
  }

  cancelDrain(): void {
    this.#drain?.cancel()
    this.#drain = undefined
    this.#deadlineAt = null
  }

  armWarm(): void {
    const { clock, claims, keepWarmMs, onWarmEnough } = this.#options
    this.#warm = clock.after(keepWarmMs, () => {
      if (claims.any || !onWarmEnough()) this.armWarm()
    })
  }

  cancelWarm(): void {
    this.#warm?.cancel()
  }
}
