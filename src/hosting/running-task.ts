/** Which task's code runs now. */

import { AsyncLocalStorage } from 'node:async_hooks'

/** Name of the task (`workflow::task`); read where its output is captured. */
export const runningTask: AsyncLocalStorage<string> = new AsyncLocalStorage()
