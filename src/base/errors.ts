/**
 * The error class of headgate and its plain form.
 *
 * Owns: HeadgateError, its record, reading whatever was thrown.
 * Does not own: the codes (error-table.ts), how an error is written on HTTP (server/) or on a
 * terminal (cli/).
 */

import { ERRORS, type ErrorCode } from './error-table.ts'
import { question } from './nearest.ts'

export { ERRORS, type ErrorCode } from './error-table.ts'

export type ErrorDetails = Readonly<Record<string, unknown>>

/** Plain JSON form of an error: crosses threads, HTTP, WebSocket and the store. */
export interface ErrorRecord {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
  readonly details?: ErrorDetails
}

/**
 * An error with a stable `code` of the table above.
 *
 * `details` holds the values named in the message and further structured facts, all JSON. A list is an
 * array there and told with commas, `nearest` as a question.
 */
export class HeadgateError extends Error {
  override readonly name = 'HeadgateError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(fill(ERRORS[code].message, details), options)
    this.code = code
    this.details = details
  }

  /**
   * Without a stack, which costs more than the rest of a refused call: for what is refused by the
   * thousand, when there is no time to lose.
   */
  static light(code: ErrorCode, details: ErrorDetails): HeadgateError {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try {
      return new HeadgateError(code, details)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  toRecord(): ErrorRecord {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      details: this.details,
    }
  }

  /** The error a record was made from; a code this build does not know becomes INTERNAL. */
  static fromRecord(record: ErrorRecord): HeadgateError {
    if (!isErrorCode(record.code)) {
      return new HeadgateError('INTERNAL', { why: `${record.code}: ${record.message}` })
    }
    const error = new HeadgateError(record.code, record.details ?? {})
    error.message = record.message
    return error
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

/** `error` itself when it is a HeadgateError, else INTERNAL with its message. */
export function toHeadgateError(error: unknown): HeadgateError {
  return error instanceof HeadgateError
    ? error
    : new HeadgateError('INTERNAL', { why: messageOf(error) }, { cause: error })
}

/**
 * A readable message of anything that can be thrown: null, a Proxy, an error with throwing getters.
 * Never throws itself.
 */
export function messageOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return String(thrown.message || thrown.name)
    return typeof thrown === 'string' ? thrown : `thrown value: ${String(thrown)}`
  } catch {
    return 'thrown value that cannot be read'
  }
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = details[key]
    if (isTexts(value)) return key === 'nearest' ? question(value) : value.join(', ') || 'none'
    return value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  })
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
