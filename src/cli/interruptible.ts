/** Ctrl-C in a command that works in this process. */

import { HeadgateError } from '../base/errors.ts'

/** What `work` fails with after the signal is TASK_ABORTED: exit code 130. */
export async function interruptible<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!signal.aborted) throw error
    throw new HeadgateError('TASK_ABORTED', { why: 'interrupted' }, { cause: error })
  }
}
