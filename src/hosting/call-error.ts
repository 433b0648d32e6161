/** What a caller is told of a task's fault. */

import { HeadgateError } from '../base/errors.ts'
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
    case 'RESULT_TOO_LARGE':
      return new HeadgateError(fault.code, { task, bytes: fault.bytes ?? 0, limit: fault.limit })
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
export function retryFacts(fault: TaskFault | HeadgateError): {
  readonly code: string
  readonly message: string
  readonly terminal: boolean
} {
  if (fault instanceof HeadgateError) {
    // A lost thread or an ended generation is never silently run again for an invoke.
    return { code: fault.code, message: fault.message, terminal: fault.code !== 'TASK_TIMEOUT' }
  }
  return { code: fault.cause ?? fault.code, message: fault.message, terminal: fault.terminal }
}
