/** What a call is told that its generation ends beneath. */

import { HeadgateError } from '../base/errors.ts'
import { CRASH_WINDOW_MS } from './thread-crew.ts'

/** What these errors name. */
export interface Ending {
  readonly number: number
  readonly package: string
  readonly version: string
  readonly exits: number
}

/** `forced`: somebody did not wait for it to drain. */
export function terminated(
  { number }: Ending,
  task: string,
  { drainTimeoutMs, forced }: { readonly drainTimeoutMs: number; readonly forced: boolean },
): HeadgateError {
  return new HeadgateError('GENERATION_TERMINATED', {
    task,
    generation: `g${number}`,
    why: forced ? 'the executor was closed at once' : 'it did not drain in time',
    drainTimeoutMs,
  })
}

export function quarantined({ package: name, version, exits }: Ending): HeadgateError {
  return new HeadgateError('CRASH_LOOP', {
    package: name,
    version,
    exits,
    windowMs: CRASH_WINDOW_MS,
  })
}

export function refused(task: string): HeadgateError {
  return new HeadgateError('WORKER_LOST', { task, why: 'it was refused' })
}
