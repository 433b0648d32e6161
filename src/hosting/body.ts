/**
 * What a caller gives, as the JSON text that travels, and what of it a task is given.
 */

import { HeadgateError, messageOf } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { JsonTooLarge, stringifyWithin } from './bounded-json.ts'
import { parse } from './json.ts'

export interface Body {
  readonly deps: Record<string, unknown>
  readonly input: unknown
}

/** Refuses a call before its task begins. */
export class InputRefusal extends Error {
  readonly code: 'INPUT_INVALID' | 'INPUT_NOT_JSON'
  readonly #own = true

  constructor(code: InputRefusal['code'], message: string) {
    super(message)
    this.code = code
  }

  /** Not `instanceof`: the prototype of what a task throws may be a trap. */
  static is(thrown: unknown): thrown is InputRefusal {
    return typeof thrown === 'object' && thrown !== null && #own in thrown && thrown.#own
  }
}

/**
 * Empty for what has no JSON form (undefined). Throws INPUT_NOT_JSON (a cycle, a BigInt), and
 * PAYLOAD_TOO_LARGE for what is far over `limit`, in bytes; without one it is only written.
 */
export function bodyText(body: unknown, limit = Number.POSITIVE_INFINITY): string {
  try {
    return stringifyWithin(body, limit) ?? ''
  } catch (error) {
    if (JsonTooLarge.is(error)) {
      throw new HeadgateError('PAYLOAD_TOO_LARGE', { bytes: `more than ${limit}`, limit })
    }
    throw new HeadgateError('INPUT_NOT_JSON', { why: messageOf(error) }, { cause: error })
  }
}

/** Bytes of one input or one result where nothing else is said. */
export const DEFAULT_PAYLOAD_BYTES: number = 8 * 1024 * 1024

/** Throws PAYLOAD_TOO_LARGE. */
export function checkPayload(text: string, limit: number): void {
  // No character takes more than three bytes: most bodies need no count.
  if (text.length * 3 <= limit) return
  const bytes = Buffer.byteLength(text)
  if (bytes > limit) throw new HeadgateError('PAYLOAD_TOO_LARGE', { bytes, limit })
}

/**
 * `{ input?, deps? }`; every task of `after` must be in `deps`, nothing else may be in the body.
 * Throws InputRefusal.
 */
export function readBody(text: string, after: readonly string[]): Body {
  let body: unknown
  try {
    body = text === '' ? {} : parse(text)
  } catch (error) {
    throw new InputRefusal('INPUT_NOT_JSON', (error as Error).message)
  }
  if (body === null) body = {}
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw new InputRefusal(
      'INPUT_INVALID',
      'a task takes an object { "input": …, "deps": { "<task>": … } }',
    )
  }
  for (const key in body) {
    if (key !== 'input' && key !== 'deps' && Object.hasOwn(body, key)) {
      throw new InputRefusal(
        'INPUT_INVALID',
        `${JSON.stringify(key)} is unknown: a task takes "input" and "deps"${didYouMean(key, ['input', 'deps'])}`,
      )
    }
  }
  const { input, deps } = body as { input?: unknown; deps?: unknown }
  if (after.length === 0) return { deps: {}, input }
  if (typeof deps !== 'object' || deps === null || Array.isArray(deps)) {
    throw new InputRefusal('INPUT_INVALID', `"deps" must hold ${after.join(', ')}`)
  }
  const missing = after.filter((name) => !Object.hasOwn(deps, name))
  if (missing.length > 0) {
    throw new InputRefusal('INPUT_INVALID', `"deps" lacks ${missing.join(', ')}`)
  }
  return { deps: deps as Record<string, unknown>, input }
}
