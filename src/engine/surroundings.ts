/**
 * What the calls of this floor need of the executor, and how they answer.
 */

import type { HeadgateError } from '../base/errors.ts'
import type { Generation } from '../generation/generation.ts'
import type { Serving, TaskRequest } from '../generation/task-request.ts'

export interface Settle {
  /** `epoch`: of the registry at binding. */
  ok(json: string, serving: Serving, epoch: number): void
  failed(error: HeadgateError, serving: Serving | undefined, epoch: number): void
}

export interface Surroundings {
  epoch(): number
  /** The next number in the order of service. */
  nextSeq(): number
  /** Calls `goOn` once: after `ms`, or when the generation takes no more work. */
  backoff(generation: Generation, ms: number, goOn: () => void): void
  enqueueOn(generation: Generation, request: TaskRequest): void
  /** No other generation will come: what is bound stays where it is. */
  closing(): boolean
  /** GENERATION_TERMINATED for a call whose generation ended between two attempts. */
  ended(generation: Generation, key: string): HeadgateError
}
