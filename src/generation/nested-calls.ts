/**
 * The calls that one held call makes by `ctx.invoke` and that have not ended.
 *
 * M1  They end with it: when it is asked to end, and when it is held no longer.
 */

import type { Caller } from '../domain/call-depth.ts'

export class NestedCalls {
  /** The call that makes them. */
  readonly parent: Caller
  /** Those that have not ended. */
  count = 0
  /** The call that makes them is held no longer. */
  orphaned = false
  readonly #ended = new AbortController()

  constructor(parent: Caller) {
    this.parent = parent
  }

  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /**
   * M1. At the end of the running callback: where a thread was lost, what it had not begun is then
   * back in its queue, and is found there.
   */
  end(why: string): void {
    if (this.count > 0) queueMicrotask(() => this.#ended.abort(new Error(why)))
  }
}
