/** A caller that may change its mind: stands between a call and its answer while a signal lives. */

import { HeadgateError, messageOf } from '../base/errors.ts'
import type { Settle } from './surroundings.ts'

export class Cancellable implements Settle {
  readonly #signal: AbortSignal
  readonly #settle: Settle
  readonly #epoch: () => number
  #settled = false
  /** Ends the call; until there is one, the answer itself is the end. */
  #cancel = (error: HeadgateError): void => this.failed(error, undefined, this.#epoch())

  constructor(signal: AbortSignal, settle: Settle, epoch: () => number) {
    this.#signal = signal
    this.#settle = settle
    this.#epoch = epoch
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  get settled(): boolean {
    return this.#settled
  }

  onCancel(cancel: (error: HeadgateError) => void): void {
    this.#cancel = cancel
  }

  ok(...answer: Parameters<Settle['ok']>): void {
    this.#end()
    this.#settle.ok(...answer)
  }

  failed(...answer: Parameters<Settle['failed']>): void {
    this.#end()
    this.#settle.failed(...answer)
  }

  #end(): void {
    this.#settled = true
    this.#signal.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => this.#cancel(aborted(this.#signal))
}

/** TASK_ABORTED with the signal's reason. */
export function aborted(signal: AbortSignal): HeadgateError {
  return new HeadgateError('TASK_ABORTED', { why: messageOf(signal.reason) })
}
