/** Which task's code runs now. */

import { AsyncLocalStorage } from 'node:async_hooks'

/** Name of the task (`workflow::task`); read where its output is captured. */
export const runningTask: AsyncLocalStorage<string> = new AsyncLocalStorage()

/**
 * Runs calls as the task of this name. Made once for a task: entering a context that stands costs a
 * third of what runningTask.run() costs, which makes a new one for each call.
 */
export function enterTask(label: string): <R>(call: () => R) => R {
  return runningTask.run(label, () => AsyncLocalStorage.snapshot())
}
