/** The time that calls which still run are given, before their threads are ended with them. */

import type { Clock } from '../base/clock.ts'

export class Grace {
  readonly #clock: Clock
  readonly #ms: number
  #end: (() => void) | undefined

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** Until end() is called, at the latest for the whole grace. One wait at a time. */
  wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.after(this.#ms, resolve, { keepAlive: true })
    this.#end = () => {
      timer.cancel()
      resolve()
    }
    return promise
  }

  /** Nothing runs any more, or nobody wants to wait; outside a wait it does nothing. */
  end(): void {
    this.#end?.()
  }
}
