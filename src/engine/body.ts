/** A caller's value as the JSON text that travels. */

import { HeadgateError, messageOf } from '../base/errors.ts'

/** Empty for what has no JSON form (undefined). Throws INPUT_NOT_JSON (a cycle, a BigInt). */
export function bodyText(body: unknown): string {
  try {
    return JSON.stringify(body) ?? ''
  } catch (error) {
    throw new HeadgateError('INPUT_NOT_JSON', { why: messageOf(error) }, { cause: error })
  }
}
