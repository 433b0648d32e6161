/**
 * The two waits in the life of a generation: until it must have drained, until nobody has called it
 * for so long that it goes. Its methods are named as the effects that ask for them
 * (domain/generation-state.ts).
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Claims } from './claims.ts'
import type { Ledger } from './ledger.ts'
import type { Tally } from './tally.ts'

/** What is still called is looked at no more often; and what was loaded has so long to be called. */
const SHORTEST_WARM_MS = 50

export interface CountdownOptions {
  readonly clock: Clock
  /** While there are any, both waits go on. */
  readonly claims: Claims
  readonly ledger: Pick<Ledger, 'zero'>
  readonly tally: Pick<Tally, 'calls'>
  readonly drainTimeoutMs: number
  readonly keepWarmMs: number
  readonly onDrainDeadline: () => void
  readonly onWarmEnough: () => void
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

  armStandby(): void {
    this.#keepWarm(Math.max(SHORTEST_WARM_MS, this.#options.keepWarmMs))
  }

  armWarm(): void {
    this.#keepWarm(this.#options.keepWarmMs)
  }

  cancelWarm(): void {
    this.#warm?.cancel()
  }

  /** It is needed as long as it is called, if only by its version or number. */
  #keepWarm(ms: number): void {
    const { clock, claims, ledger, tally, keepWarmMs, onWarmEnough } = this.#options
    const { calls } = tally
    this.#warm = clock.after(ms, () => {
      if (ledger.zero && tally.calls === calls && !claims.any) onWarmEnough()
      else this.#keepWarm(Math.max(SHORTEST_WARM_MS, keepWarmMs))
    })
  }
}
