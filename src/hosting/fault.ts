/**
 * Whatever a task throws, as one plain record. Never throws itself: a thrown value may be null, a
 * Proxy, or an error whose getters throw.
 */

import { messageOf } from '../base/errors.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'
import { isTerminalError } from '../sdk/terminal-error.ts'
import { stringifyWithin } from './bounded-json.ts'
import { excerpt, FITS } from './excerpt.ts'
import { parse } from './json.ts'

const TEXT_LIMIT = 4096
/** Characters of `data` as JSON; over it the data is left out: a result has its own limit. */
const DATA_LIMIT = 65_536

export function faultOf(thrown: unknown): TaskFault {
  const terminal = read(() => isTerminalError(thrown)) === true
  const name = text(read(() => (thrown as Error).name))
  const cause = text(read(() => (thrown as { code?: unknown }).code))
  const message = withCause(messageOf(thrown), thrown)
  // The stack has the message in it.
  const stack = message.length > FITS ? undefined : text(read(() => (thrown as Error).stack))
  const data = read(() => dataOf(thrown))
  return {
    code: 'TASK_FAILED',
    message: excerpt(message, TEXT_LIMIT),
    terminal,
    ...(name === undefined ? {} : { name }),
    ...(cause === undefined ? {} : { cause }),
    ...(stack === undefined ? {} : { stack }),
    ...(data === undefined ? {} : { data }),
  }
}

/** `fetch failed` says nothing, its cause everything. */
function withCause(message: string, thrown: unknown): string {
  const cause = read(() => (thrown as { cause?: unknown }).cause)
  if (!(cause instanceof Error)) return message
  // One of several attempts has only a code.
  const below = text(read(() => cause.message)) ?? text(read(() => Reflect.get(cause, 'code')))
  return below === undefined || message.includes(below) ? message : `${message}: ${below}`
}

function dataOf(thrown: unknown): unknown {
  const json = stringifyWithin((thrown as { data?: unknown }).data, DATA_LIMIT)
  return json === undefined || json.length > DATA_LIMIT ? undefined : parse(json)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? excerpt(value, TEXT_LIMIT) : undefined
}

function read(get: () => unknown): unknown {
  try {
    return get()
  } catch {
    return undefined
  }
}
