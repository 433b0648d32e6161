/** A caller's value as the JSON text that travels, and back. */

import { HeadgateError, messageOf } from '../base/errors.ts'

/** Empty for what has no JSON form (undefined). Throws INPUT_NOT_JSON (a cycle, a BigInt). */
export function bodyText(body: unknown): string {
  try {
    return JSON.stringify(body) ?? ''
  } catch (error) {
    throw new HeadgateError('INPUT_NOT_JSON', { why: messageOf(error) }, { cause: error })
  }
}

/** Settles a caller with the value of a result; a text that is none (a forged one) is its failure. */
export function answer(
  json: string,
  namespace: string,
  resolve: (value: unknown) => void,
  reject: (error: HeadgateError) => void,
): void {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    reject(new HeadgateError('NOT_SERIALISABLE', { task: namespace, why: messageOf(error) }))
    return
  }
  resolve(value)
}
