/**
 * The lane's wire form that both sides share: no schema, because a batch is a flat array of
 * integers and JSON texts for the sake of speed; the main side checks each result it takes
 * (generation/lane.ts), everything that is not a batch has its schema in lane-messages.ts.
 *
 * No import: the worker thread reads this file under its permissions.
 */

/**
 * Main → worker, one request after the other:
 * slot, id, kind (index of the task in the generation), attempt, run number, body (JSON text).
 */
export const REQUEST_STRIDE = 6

/**
 * Worker → main: first the number of batches begun completely since the last message, then one
 * result after the other: slot, id, 0 = ok | 1 = failed, JSON text (the output, or a TaskFault),
 * milliseconds from begin to end, milliseconds the call kept the thread without a pause.
 */
export const RESULT_STRIDE = 6

/** Int32 words before the first slot: [0] requests begun so far. */
export const SHARED_HEADER = 4
/** Words a slot has: [0] its state, [1] ms between the lane's time base and begin. */
export const SLOT_WORDS = 2

export const SLOT_FREE = 0
/** Handed over, not begun: the main side may still take it back. */
export const SLOT_SENT = 1
export const SLOT_BEGUN = 2
/** Taken back by the main side; the worker passes over it. */
export const SLOT_REVOKED = 3

/** Why a task ended without an output, as it crosses the thread. */
export interface TaskFault {
  /** `TASK_FAILED`, `INPUT_INVALID`, `INPUT_NOT_JSON`, `NOT_SERIALISABLE`, `RESULT_TOO_LARGE`. */
  readonly code: string
  /** The author's own code and class where the thrown value had them. */
  readonly cause?: string
  readonly name?: string
  readonly message: string
  /** true: no retry may help. */
  readonly terminal: boolean
  readonly data?: unknown
  readonly stack?: string
  /** RESULT_TOO_LARGE: size and limit. */
  readonly bytes?: number
  readonly limit?: number
}
