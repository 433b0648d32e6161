/**
 * From an error record to a problem and back. Apart from its schema so that a page can import it
 * without a schema library.
 */

import { ERRORS, type ErrorRecord, isErrorCode } from '../base/errors.ts'
import type { Problem } from './problem.ts'

/** The problem form of an error record. A stack among the details is left out. */
export function toProblem(record: ErrorRecord): Problem {
  const status = isErrorCode(record.code) ? ERRORS[record.code].status : 500
  const details = plainDetails(record.details)
  return {
    type: `urn:headgate:error:${record.code}`,
    title: titleOf(record.code),
    status,
    detail: record.message,
    code: record.code,
    retryable: record.retryable,
    ...(details === undefined ? {} : { details }),
  }
}

/** The error record a problem was made from. */
export function fromProblem(problem: Problem): ErrorRecord {
  return {
    code: problem.code,
    message: problem.detail,
    retryable: problem.retryable,
    ...(problem.details === undefined ? {} : { details: problem.details }),
  }
}

/** `NO_ACTIVE_VERSION` → `No active version`. */
function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Details that survive JSON; undefined when there are none or they cannot be written. */
function plainDetails(details: ErrorRecord['details']): Record<string, unknown> | undefined {
  if (details === undefined) return undefined
  const { stack: _stack, ...rest } = details
  if (Object.keys(rest).length === 0) return undefined
  try {
    JSON.stringify(rest)
    return rest
  } catch {
    return undefined
  }
}
