/**
 * The error that ends a task for good.
 */

/** Present on every TerminalError, also on those of another copy of the SDK. */
export const TERMINAL_MARK: unique symbol = Symbol.for('headgate.terminal')

/**
 * Ends the task without another attempt. `code`, `message` and `data` reach the caller.
 *
 * `code`: a stable word of the author's, for instance `NO_FLIGHTS`. `data`: JSON.
 */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
  readonly [TERMINAL_MARK] = true
  readonly code: string
  readonly data: unknown

  constructor(code: string, message: string, data?: unknown) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** True for a TerminalError of this or any other copy of the SDK. */
export function isTerminalError(error: unknown): error is TerminalError {
  return typeof error === 'object' && error !== null && TERMINAL_MARK in error
}
