/** One request that a thread holds, as the main thread keeps it. */

import type { HeadgateError } from '../base/errors.ts'
import type { Kind } from './kinds.ts'
import type { NestedCalls } from './nested-calls.ts'
import type { TaskRequest } from './task-request.ts'

export interface Held {
  readonly request: TaskRequest
  readonly kind: Kind
  readonly slot: number
  readonly id: number
  /** Its caller has an answer already (deadline, cancel); the thread still runs it. */
  answered: boolean
  /** clock.monotonic() when its deadline was found passed; null: not passed. */
  expiredAt: number | null
  /** clock.monotonic() when an abort was posted; null: none. */
  abortedAt: number | null
  /** The thread's event loop turned after that. */
  abortSeen: boolean
  progress: string | null
  /** Wall clock of begin as it was first seen, ms; null: not seen. */
  begunAt: number | null
  /** What its caller is told when it fails after an abort; null: its own fault. */
  fault: HeadgateError | null
  /** The calls it makes; null: it made none. */
  nested: NestedCalls | null
}

export function newHeld(request: TaskRequest, kind: Kind, slot: number, id: number): Held {
  return {
    request,
    kind,
    slot,
    id,
    answered: false,
    expiredAt: null,
    abortedAt: null,
    abortSeen: false,
    progress: null,
    begunAt: null,
    fault: null,
    nested: null,
  }
}
