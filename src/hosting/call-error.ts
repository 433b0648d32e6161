/** What a caller is told of a task's fault. */

import { HeadgateError } from '../base/errors.ts'
import type { RetryPolicy } from '../domain/retry.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'

/** `key`: `workflow::task`. */
export function callError(fault: TaskFault | HeadgateError, key: string): HeadgateError {
  if (fault instanceof HeadgateError) return fault
  const task = key.split('::')[1] ?? key
  switch (fault.code) {
    case 'INPUT_INVALID':
    case 'INPUT_NOT_JSON':
      return new HeadgateError(fault.code, { task, why: fault.message })
    case 'NOT_SERIALISABLE':
      return new HeadgateError(fault.code, { task, why: fault.message })
    case 'RESULT_TOO_LARGE': {
      const { limit, bytes = `more than ${limit}` } = fault
      return new HeadgateError(fault.code, { task, bytes, limit })
    }
    default:
      return new HeadgateError('TASK_FAILED', {
        task,
        why: fault.message,
        ...(fault.cause === undefined ? {} : { cause: fault.cause }),
        ...(fault.name === undefined ? {} : { name: fault.name }),
        ...(fault.data === undefined ? {} : { data: fault.data }),
        ...(fault.stack === undefined ? {} : { stack: fault.stack }),
        terminal: fault.terminal,
      })
  }
}

/** What the retry policy sees: the author's own code where there is one. */
export function retryFacts(
  fault: TaskFault | HeadgateError,
  policy: Pick<RetryPolicy, 'retryOn'> | undefined,
): {
  readonly code: string
  readonly message: string
  readonly terminal: boolean
} {
  if (fault instanceof HeadgateError) {
    return { code: fault.code, message: fault.message, terminal: !mayRunAgain(fault, policy) }
  }
  return { code: fault.cause ?? fault.code, message: fault.message, terminal: fault.terminal }
}

/**
 * How far a task had come on a thread that was lost nobody knows, so it is run again only when its
 * policy names that. What ended with its generation, or was cancelled, never is.
 */
function mayRunAgain(
  { code }: HeadgateError,
  policy: Pick<RetryPolicy, 'retryOn'> | undefined,
): boolean {
  if (code === 'TASK_TIMEOUT') return true
  return code === 'WORKER_LOST' && policy?.retryOn?.includes(code) === true
}
