/**
 * Results on their way to the main thread.
 *
 * R1  Results of one turn of the event loop travel in one message (setImmediate), at once when the
 *     runner has nothing left to run (flush() by the runner).
 * R2  A result waits at most HOLD_MS while the thread is busy with other tasks' calls; before a call
 *     that may be long everything finished is sent (flush() by the runner).
 */

import type { SlotTable, TaskFault } from '../../protocol/lane-layout.ts'
import { stringify } from '../../hosting/json.ts'
import type { LanePort } from './lane-port.ts'

const HOLD_MS = 0.25

export interface EndedCall {
  readonly slot: number
  /** performance.now() of this thread at begin. */
  readonly begun: number
  /** ms the call kept the thread before it first gave way. */
  readonly busyMs: number
}

export class Results {
  readonly #port: LanePort
  readonly #slots: SlotTable
  #message: unknown[] = [0]
  #begunBatches = 0
  #oldest = 0
  #scheduled = false

  constructor(port: LanePort, slots: SlotTable) {
    this.#port = port
    this.#slots = slots
  }

  /** Every request of one more batch is begun or was taken back. */
  batchBegun(): void {
    this.#begunBatches++
    this.#schedule()
  }

  ok(call: EndedCall, json: string): void {
    this.#add(call, false, json)
  }

  failed(call: EndedCall, fault: TaskFault): void {
    this.#add(call, true, stringify(fault))
  }

  get waiting(): boolean {
    return this.#message.length > 1
  }

  readonly flush = (): void => {
    this.#scheduled = false
    if (this.#message.length === 1 && this.#begunBatches === 0) return
    const message = this.#message
    message[0] = this.#begunBatches
    this.#message = [0]
    this.#begunBatches = 0
    this.#port.sendResults(message)
  }

  #add(call: EndedCall, failed: boolean, text: string): void {
    const now = performance.now()
    if (this.#message.length === 1) this.#oldest = now
    this.#slots.end(call.slot, failed, now - call.begun, call.busyMs)
    this.#message.push(call.slot, text)
    if (now - this.#oldest > HOLD_MS) this.flush()
    else this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.flush)
  }
}
