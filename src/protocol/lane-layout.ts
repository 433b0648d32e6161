/**
 * The lane's wire form that both sides share.
 *
 * A batch is a flat array of slot numbers and JSON texts, and every number that belongs to a request
 * lies in memory both threads see: a message costs by its elements, and these are the fewest. Memory
 * written before a message is posted is seen by the thread that receives it. Everything that is not a
 * batch has its schema in lane-messages.ts.
 *
 * No import: the worker thread reads this file under its permissions.
 */

/** Main → worker, one request after the other: slot, body (JSON text). */
export const REQUEST_STRIDE = 2

/**
 * Worker → main: first the number of batches begun completely since the last message, then one
 * result after the other: slot, JSON text (the output, or a TaskFault).
 */
export const RESULT_STRIDE = 2

export const SLOT_FREE = 0
/** Handed over, not begun: the main side may still take it back. */
export const SLOT_SENT = 1
export const SLOT_BEGUN = 2
/** Taken back by the main side; the worker passes over it. */
export const SLOT_REVOKED = 3

/** 32-bit words before the first slot: [0] requests begun so far, [1] index of what was STARTED. */
const HEADER = 4
const START = 1
/** Words of a slot; even, so that its 64-bit numbers are aligned. */
const WORDS = 12

const STATE = 0
const BEGUN_AT = 1
const ID = 2
const KIND = 3
const ATTEMPT = 4
const FAILED = 5
const BUSY_US = 6
/** In 64-bit numbers from the slot's first word. */
const RUN = 4
const RAN_MS = 5

/** How far the package's own code has come at most. */
const STARTED = ['nothing', 'import', 'setup'] as const

export type Started = (typeof STARTED)[number]

/** The numbers of a lane's slots, in shared memory. */
export class SlotTable {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #doubles: Float64Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
    this.#doubles = new Float64Array(buffer)
  }

  static forSlots(slots: number): SlotTable {
    return new SlotTable(new SharedArrayBuffer((HEADER + slots * WORDS) * 4))
  }

  /** Main side: fills the slot and marks it SLOT_SENT. */
  fill(slot: number, id: number, kind: number, attempt: number, run: number): void {
    const at = HEADER + slot * WORDS
    this.#words[at + ID] = id
    this.#words[at + KIND] = kind
    this.#words[at + ATTEMPT] = attempt
    this.#doubles[(at >> 1) + RUN] = run
    Atomics.store(this.#words, at + STATE, SLOT_SENT)
  }

  /** Main side: SLOT_SENT → SLOT_REVOKED; false: the worker was faster. */
  revoke(slot: number): boolean {
    const at = HEADER + slot * WORDS + STATE
    return Atomics.compareExchange(this.#words, at, SLOT_SENT, SLOT_REVOKED) === SLOT_SENT
  }

  free(slot: number): void {
    Atomics.store(this.#words, HEADER + slot * WORDS + STATE, SLOT_FREE)
  }

  /** Worker side: SLOT_SENT → SLOT_BEGUN; false: it was taken back. `at`: ms since the time base. */
  begin(slot: number, at: number): boolean {
    const first = HEADER + slot * WORDS
    this.#words[first + BEGUN_AT] = at
    if (Atomics.compareExchange(this.#words, first + STATE, SLOT_SENT, SLOT_BEGUN) !== SLOT_SENT) {
      return false
    }
    Atomics.add(this.#words, 0, 1)
    return true
  }

  /** Worker side: notes how the call ended, before its result is posted. */
  end(slot: number, failed: boolean, ranMs: number, busyMs: number): void {
    const at = HEADER + slot * WORDS
    this.#words[at + FAILED] = failed ? 1 : 0
    this.#words[at + BUSY_US] = busyMs * 1000
    this.#doubles[(at >> 1) + RAN_MS] = ranMs
  }

  state(slot: number): number {
    return Atomics.load(this.#words, HEADER + slot * WORDS + STATE)
  }

  /** Requests the worker has begun since it started. */
  get begunCount(): number {
    return Atomics.load(this.#words, 0)
  }

  /** Worker side, before any line of it runs. */
  start(what: Started): void {
    Atomics.store(this.#words, START, STARTED.indexOf(what))
  }

  /** Outlives the thread. */
  get started(): Started {
    return STARTED[Atomics.load(this.#words, START)] ?? 'nothing'
  }

  /** ms since the time base. */
  begunAt(slot: number): number {
    return Atomics.load(this.#words, HEADER + slot * WORDS + BEGUN_AT)
  }

  id(slot: number): number {
    return this.#words[HEADER + slot * WORDS + ID] ?? 0
  }

  kind(slot: number): number {
    return this.#words[HEADER + slot * WORDS + KIND] ?? 0
  }

  attempt(slot: number): number {
    return this.#words[HEADER + slot * WORDS + ATTEMPT] ?? 0
  }

  run(slot: number): number {
    return this.#doubles[((HEADER + slot * WORDS) >> 1) + RUN] ?? 0
  }

  failed(slot: number): boolean {
    return this.#words[HEADER + slot * WORDS + FAILED] === 1
  }

  /** ms the call kept the thread before it first gave way. */
  busyMs(slot: number): number {
    return (this.#words[HEADER + slot * WORDS + BUSY_US] ?? 0) / 1000
  }

  /** ms from begin to end. */
  ranMs(slot: number): number {
    return this.#doubles[((HEADER + slot * WORDS) >> 1) + RAN_MS] ?? 0
  }
}

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
  /** RESULT_TOO_LARGE: size, where the result was written to the end, and limit. */
  readonly bytes?: number
  readonly limit?: number
}
