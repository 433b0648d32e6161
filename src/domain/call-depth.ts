/**
 * How deep calls may call calls. A caller's own call has the depth 0, one that a task makes by
 * `ctx.invoke` is one deeper than the call of that task.
 */

import { HeadgateError } from '../base/errors.ts'

/** The greatest depth. */
export const NESTING_LIMIT = 16

/** What a call made by a task takes over from the call of that task. */
export interface Caller {
  readonly seq: number
  readonly depth: number
}

/** Throws NESTING_TOO_DEEP. */
export function checkDepth(depth: number, namespace: string): void {
  if (depth <= NESTING_LIMIT) return
  throw new HeadgateError('NESTING_TOO_DEEP', { namespace, limit: NESTING_LIMIT })
}
