/** Which task the code that runs belongs to, in a thread that runs several of them by turns. */

import { AsyncLocalStorage } from 'node:async_hooks'

/** Name of the task (`workflow::task`); read where its output is captured. */
export const runningTask: AsyncLocalStorage<string> = new AsyncLocalStorage()

/** As the thread began, before any code of a package could enter a context. */
const outside = AsyncLocalStorage.snapshot()

/** Calls a function in the context of a task. */
export type EnterTask = <Args extends readonly unknown[], R>(
  call: (...args: Args) => R,
  ...args: Args
) => R

/**
 * Runs calls as the task of this name, and in no other context. Made once for a task: entering a
 * context that stands costs a third of what runningTask.run() costs, which makes a new one for each
 * call.
 */
export function enterTask(label: string): EnterTask {
  return outside(() => runningTask.run(label, () => AsyncLocalStorage.snapshot()))
}
