/** What a call that must fail ends with. */

import { HeadgateError } from '../../src/base/errors.ts'

/** Its coded error; throws when it does not fail, or fails without a code. */
export async function failure(promise: Promise<unknown>): Promise<HeadgateError> {
  const ended = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in ended) throw new Error(`it succeeded: ${JSON.stringify(ended.value)}`)
  if (ended.error instanceof HeadgateError) return ended.error
  throw ended.error
}
