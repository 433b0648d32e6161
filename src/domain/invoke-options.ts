/** The options of one call, checked without a schema: they are looked at with each call. */

import { HeadgateError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'

const OPTIONS: ReadonlySet<string> = new Set(['version', 'generation', 'signal'])

/** Throws OPTION_INVALID: a pin that was misspelt would go to the active version. */
export function checkInvokeOptions(options: object): void {
  for (const option in options) {
    if (OPTIONS.has(option)) continue
    const why = `a call takes ${[...OPTIONS].join(', ')}${didYouMean(option, OPTIONS)}`
    throw new HeadgateError('OPTION_INVALID', { option, why })
  }
}
