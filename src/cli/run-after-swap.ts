/**
 * The edit-run loop: calls a workflow on every version that `headgate dev` serves.
 *
 * R1  A call that runs on an older version is cancelled when a newer one serves.
 */

import { type HeadgateError, toHeadgateError } from '../base/errors.ts'
import type { Executor } from '../executor/api.ts'
import type { Served } from '../packaging/dev/dev-events.ts'

export interface WorkflowCall {
  readonly workflow: string
  /** JSON text; empty: no input. */
  readonly body: string
}

export type WorkflowResult =
  | { readonly version: string; readonly json: string }
  | { readonly version: string; readonly error: HeadgateError }

export class RunAfterSwap {
  readonly #call: WorkflowCall
  readonly #ended: (result: WorkflowResult) => void
  #running = new AbortController()

  constructor(call: WorkflowCall, ended: (result: WorkflowResult) => void) {
    this.#call = call
    this.#ended = ended
  }

  async run(executor: Executor, { tenant, package: name, version }: Served): Promise<void> {
    this.cancel(`${version} serves`)
    const { signal } = this.#running
    const { workflow, body } = this.#call
    try {
      const namespace = `${tenant}::${name}::${workflow}`
      const { json } = await executor.invokeJson(namespace, body, { version, signal })
      this.#ended({ version, json })
    } catch (error) {
      if (!signal.aborted) this.#ended({ version, error: toHeadgateError(error) })
    }
  }

  cancel(why: string): void {
    this.#running.abort(new Error(why))
    this.#running = new AbortController()
  }
}
