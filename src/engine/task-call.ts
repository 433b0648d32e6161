/**
 * A direct call of one task: from the caller's promise to the lane and back.
 *
 * K1  It is settled exactly once.
 * K2  It is in a generation's ledger from the first hand-over until it is settled, the waits between
 *     its attempts included; taken back before its first begin, it leaves the ledger and is resolved
 *     anew.
 */

import type { HeadgateError } from '../base/errors.ts'
import type { Caller } from '../domain/call-depth.ts'
import { mayRetry, retryDelay } from '../domain/retry.ts'
import type { Generation } from '../generation/generation.ts'
import type { Serving, TaskRequest } from '../generation/task-request.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'
import { callError, retryFacts } from '../hosting/call-error.ts'
import type { Settle, Surroundings } from './surroundings.ts'

export class TaskCall implements TaskRequest {
  readonly seq: number
  readonly depth: number
  readonly run: number
  readonly key: string
  readonly body: string
  readonly #settle: Settle
  readonly #surroundings: Surroundings
  readonly #pin: Generation | undefined
  #attempt = 1
  #serving: Serving | undefined
  #epoch = 0
  #settled = false

  /**
   * `parent`: the call whose task makes it; none: it comes from outside. `pin`: the generation it must run
   * on; the call enters its ledger at once.
   */
  constructor(
    run: number,
    key: string,
    body: string,
    settle: Settle,
    surroundings: Surroundings,
    parent: Caller | undefined,
    pin?: Generation,
  ) {
    this.seq = parent === undefined ? run : parent.seq
    this.depth = parent === undefined ? 0 : parent.depth + 1
    this.run = run
    this.key = key
    this.body = body
    this.#settle = settle
    this.#surroundings = surroundings
    this.#pin = pin
    if (pin !== undefined) {
      pin.ledger.bind('call')
      this.#serving = pin
      this.#epoch = surroundings.epoch()
    }
  }

  get attempt(): number {
    return this.#attempt
  }

  get pinned(): boolean {
    return this.#pin !== undefined || this.#attempt > 1 || this.#surroundings.closing()
  }

  onBound(serving: Serving): void {
    if (this.#serving !== undefined) return
    serving.ledger.bind('call')
    this.#serving = serving
    this.#epoch = this.#surroundings.epoch()
  }

  onMoved(): void {
    if (this.pinned) return
    this.#serving?.ledger.release('call', 'moved')
    this.#serving = undefined
  }

  onSuccess(json: string): void {
    const serving = this.#serving
    if (this.#settled || serving === undefined) return
    this.#settled = true
    try {
      this.#settle.ok(json, serving, this.#epoch)
      serving.ledger.answered()
    } finally {
      serving.ledger.release('call', 'ended')
    }
  }

  onFailure(fault: TaskFault | HeadgateError): void {
    if (this.#settled) return
    const serving = this.#serving as Generation | undefined
    const policy = serving?.kind(this.key)?.task.retry
    if (
      serving !== undefined &&
      policy !== undefined &&
      mayRetry(policy, this.#attempt, retryFacts(fault, policy))
    ) {
      const wait = retryDelay(policy, this.#attempt, Math.random())
      this.#attempt++
      this.#surroundings.backoff(serving, wait, () => this.#again(serving))
      return
    }
    this.#end(callError(fault, this.key))
  }

  /** The caller wants it no longer. */
  cancel(error: HeadgateError): void {
    if (this.#settled) return
    const serving = this.#serving as Generation | undefined
    if (serving !== undefined) serving.cancel(this, error.message)
    this.#end(error)
  }

  #again(generation: Generation): void {
    if (this.#settled) return
    if (generation.live) this.#surroundings.enqueueOn(generation, this)
    else this.#end(this.#surroundings.ended(generation, this.key))
  }

  #end(error: HeadgateError): void {
    if (this.#settled) return
    this.#settled = true
    const killed = error.code === 'GENERATION_TERMINATED'
    const ledger = this.#serving?.ledger
    try {
      this.#settle.failed(error, this.#serving, this.#epoch)
      ledger?.answered()
    } finally {
      ledger?.release('call', killed ? 'killed' : 'ended')
    }
  }
}
