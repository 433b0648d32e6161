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
  after(ms: number, fn: () => void): void
  enqueueOn(generation: Generation, request: TaskRequest): void
  /** GENERATION_TERMINATED for a call whose generation ended between two attempts. */
  ended(generation: Generation, key: string): HeadgateError
}
