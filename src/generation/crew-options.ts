/** What a crew of threads (thread-crew.ts) is given, and whom it tells. */

import type { Clock } from '../base/clock.ts'
import type { HeadgateError } from '../base/errors.ts'
import type { Declared } from '../domain/declared.ts'
import type { LoadMessage, WorkerMessage } from '../protocol/lane-messages.ts'
import type { Accepted } from './accepted.ts'
import type { Held } from './held.ts'
import type { Lane } from './lane.ts'
import type { TaskRequest } from './task-request.ts'

export interface CrewUpcalls {
  released(held: Held, how: 'ran' | 'moved' | 'lost'): void
  ran(held: Held, ok: boolean, ranMs: number): void
  room(): void
  /** Requests a thread gave back, in the order in which they were handed over. */
  gaveBack(requests: readonly TaskRequest[]): void
  log(message: Extract<WorkerMessage, { type: 'log' }>): void
  invoke(lane: Lane, message: Extract<WorkerMessage, { type: 'invoke' }>): void
  /** A thread ended that nobody ended. */
  crashed(why: string): void
  crashLoop(exits: number): void
  /** A thread could not be brought up; it is tried again after `retryMs`. */
  notReplaced(error: HeadgateError, retryMs: number): void
  /** Threads were given up, or are back. */
  threadsChanged(): void
  /** Those who wait for a thread have none to wait for. */
  unavailable(error: HeadgateError): void
}

export interface CrewOptions {
  readonly threads: number
  readonly load: Omit<LoadMessage, 'slotDir' | 'accepted'>
  /** What its manifest says that the module exports; null: it came without one. */
  readonly declared: Declared | null
  readonly link: (slotDir: string) => Promise<void>
  readonly loadTimeoutMs: number
  readonly killGraceMs: number
  readonly clock: Clock
  /** Called for each thread when its definition is accepted; what it throws refuses the thread. */
  readonly onImported: (accepted: Accepted) => void
  /** What a thread may define without being asked: what the one before defined. */
  readonly accepted: () => Accepted | null
  readonly upcalls: CrewUpcalls
}
