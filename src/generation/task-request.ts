/**
 * One task call on its way to a worker thread, as this floor needs it. The engine implements it.
 *
 * T1  After onBound, exactly one of onMoved, onSuccess, onFailure follows.
 * T2  onMoved: the worker never began it; it may be bound again, to any generation it is routed to.
 */

import type { HeadgateError } from '../base/errors.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'
import type { Ledger } from './ledger.ts'

/** What a request is told of the generation that takes it. */
export interface Serving {
  readonly number: number
  readonly version: string
  readonly ledger: Ledger
}

export interface TaskRequest {
  /** The order of service: grows with each call from outside; a nested one has that of its caller. */
  readonly seq: number
  /** Calls by `ctx.invoke` above it (domain/call-depth.ts). */
  readonly depth: number
  /** `workflow::task`. */
  readonly key: string
  readonly attempt: number
  /** Number of the invoke it belongs to. */
  readonly run: number
  /** JSON text `{ "input": …, "deps": … }`. */
  readonly body: string
  /** Bound to one generation for good: taken back, it waits for that one again. */
  readonly pinned: boolean
  onBound(generation: Serving): void
  onMoved(): void
  /** `json`: the output. */
  onSuccess(json: string): void
  /** The task's own fault, or what happened to its thread. */
  onFailure(fault: TaskFault | HeadgateError): void
}
