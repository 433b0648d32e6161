/** A result's text back to the value a caller awaits. */

import { HeadgateError, messageOf } from '../base/errors.ts'
import { parse } from './json.ts'

/** Settles a caller with the value of a result; a text that is none (a forged one) is its failure. */
export function answer(
  json: string,
  namespace: string,
  resolve: (value: unknown) => void,
  reject: (error: HeadgateError) => void,
): void {
  let value: unknown
  try {
    value = parse(json)
  } catch (error) {
    reject(new HeadgateError('NOT_SERIALISABLE', { task: namespace, why: messageOf(error) }))
    return
  }
  resolve(value)
}
