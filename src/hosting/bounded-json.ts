/**
 * JSON of what a package made, without ever writing much more of it than is wanted.
 *
 * V8 keeps `'x'.repeat(1e8)` in a few words and makes the 100 MB of it in one allocation when it is
 * written; one that does not fit into the thread's heap ends the whole process. So a value is weighed
 * before it is written.
 *
 * J1  What has more characters than the limit, and FITS, is never written. Characters are counted as
 *     they are; the escapes of control characters may make six times as many of them.
 * J2  weigh() only finds quickly what is light and plain; the rest is counted while it is written,
 *     because getters, Proxies and toJSON() may answer differently the next time. Of a Buffer, which
 *     its toJSON() makes eight times as large before anybody can count, only the length is looked at.
 */

import { FITS } from './excerpt.ts'
import { stringify } from './json.ts'

/** Objects in objects, deeper than what is counted as plain. */
const PLAIN_DEPTH = 64

/** Thrown for what has a JSON form that is too large. */
export class JsonTooLarge extends Error {
  readonly #own = true

  constructor() {
    super('its JSON form is too large')
  }

  /** Not `instanceof`: what is asked may be a Proxy. */
  static is(thrown: unknown): thrown is JsonTooLarge {
    return typeof thrown === 'object' && thrown !== null && #own in thrown && thrown.#own
  }
}

/**
 * As JSON.stringify. Throws JsonTooLarge for what has more characters than `limit` and more than a
 * million (J1), and what the value's own code throws; a text a little over `limit` is returned.
 */
export function stringifyWithin(value: unknown, limit: number): string | undefined {
  if (limit === Number.POSITIVE_INFINITY) return stringify(value)
  const most = Math.max(limit, FITS)
  return isLight(value, most) ? stringify(value) : writeCounted(value, most)
}

function isLight(value: unknown, most: number): boolean {
  try {
    return weigh(value, most, PLAIN_DEPTH) >= 0
  } catch (error) {
    if (JsonTooLarge.is(error)) throw error
    return false
  }
}

/** What is left of `left` characters; less than 0: too heavy, or not plain. */
function weigh(value: unknown, left: number, depth: number): number {
  if (typeof value === 'string') return left - value.length
  if (typeof value !== 'object' || value === null) return left - 1
  if (depth === 0) return -1
  // J2
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    if (value.byteLength > left) throw new JsonTooLarge()
    return -1
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && left >= 0; i++) {
      left = weigh(value[i], left - 1, depth - 1)
    }
    return left
  }
  const object = value as Record<string, unknown>
  if (object['toJSON'] !== undefined) return -1
  for (const key in object) {
    left = weigh(object[key], left - key.length - 1, depth - 1)
    if (left < 0) break
  }
  return left
}

/** As JSON.stringify, which is stopped when it has written `most` characters. */
function writeCounted(value: unknown, most: number): string | undefined {
  let left = most
  return stringify(value, function (this: unknown, key: string, inner: unknown): unknown {
    left -= typeof inner === 'string' ? inner.length : 1
    if (!Array.isArray(this)) left -= key.length
    if (left < 0) throw new JsonTooLarge()
    return inner
  })
}
