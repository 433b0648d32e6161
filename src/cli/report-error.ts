/**
 * Errors on a terminal: `CODE: message` and, where something can be done, a line that says what;
 * with --json the problem document.
 */

import { fileURLToPath } from 'node:url'
import { type ErrorCode, type HeadgateError, toHeadgateError } from '../base/errors.ts'
import { toProblem } from '../protocol/problem-record.ts'
import { exitCodeOf } from './exit-codes.ts'
import { plain, type Terminal, writeLine } from './terminal.ts'

/** Only where the message itself does not say what to do. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  UNKNOWN_PACKAGE: 'headgate status shows what is loaded',
  UNKNOWN_WORKFLOW: 'headgate status <package> shows its workflows',
  UNKNOWN_TASK: 'headgate status <package> shows its workflows',
  NO_ACTIVE_VERSION: 'headgate why <package> says why none of its versions serves',
  NO_MATCHING_VERSION: 'headgate why <package> says what is known of each version',
  TOKEN_REFUSED: 'name the data dir of the executor with --data, or give --token',
  DATA_DIR_IN_USE: 'stop it, or choose another with --data',
  INPUT_NOT_JSON: 'quote the JSON for your shell, or read it from a file with --input',
}

const MOST_PARTS = 50
const MOST_FRAMES = 8
/** Frames of Node's and of headgate's own code. */
const FOREIGN = ['node:', '(<anonymous>)', fileURLToPath(new URL('..', import.meta.url))]

/** Writes the error and returns the exit code. */
export function reportError(terminal: Terminal, thrown: unknown, asJson: boolean): number {
  const error = toHeadgateError(thrown)
  if (asJson) writeLine(terminal.stderr, JSON.stringify(toProblem(error.toRecord())))
  else {
    writeLine(terminal.stderr, `${error.code}: ${plain(error.message)}`)
    const lines = [...partsOf(error), ...framesOf(error)]
    for (const line of lines) writeLine(terminal.stderr, `  ${plain(line)}`)
    const hint = HINTS[error.code] ?? retryHint(error)
    if (hint !== undefined) writeLine(terminal.stderr, `  ${hint}`)
    if (error.code === 'INTERNAL' && thrown instanceof Error && thrown !== error) {
      writeLine(terminal.stderr, thrown.stack ?? '')
    }
  }
  return exitCodeOf(error)
}

/**
 * Every single fault of a compiler or bundler, where the message names the first; the class and code
 * that an author gave an error.
 */
function partsOf({ details }: HeadgateError): readonly string[] {
  const { errors, name, cause } = details
  if (Array.isArray(errors)) {
    return errors.filter((line) => typeof line === 'string').slice(0, MOST_PARTS)
  }
  if (typeof cause !== 'string') return []
  return [typeof name === 'string' ? `${name} ${cause}` : cause]
}

/** Where in the author's own code it was thrown; over HTTP nothing is said of that. */
function framesOf({ details: { stack } }: HeadgateError): readonly string[] {
  if (typeof stack !== 'string') return []
  return stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at ') && !FOREIGN.some((part) => line.includes(part)))
    .slice(0, MOST_FRAMES)
}

function retryHint(error: HeadgateError): string | undefined {
  return error.retryable && error.code !== 'UNREACHABLE' && error.code !== 'PORT_IN_USE'
    ? 'the same call may succeed later'
    : undefined
}
