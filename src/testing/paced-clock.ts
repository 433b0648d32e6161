/** A clock that can be told when time must not pass by itself. */

import { type Clock, systemClock } from '../base/clock.ts'

export interface PacedClock extends Clock {
  /** Until the returned function is called, time does not pass by itself. */
  hold(): () => void
}

/** Real time, which nobody holds. */
export const realClock: PacedClock = { ...systemClock, hold: () => () => {} }
