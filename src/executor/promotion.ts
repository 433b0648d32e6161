/** What promote() is given, checked, and with what it leaves out. */

import { valid } from 'semver'
import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'
import { firstProblem, strictObject } from '../domain/schema.ts'
import type { Promotion } from './api.ts'

const promotionSchema = strictObject({
  tenant: z.string(),
  package: z.string(),
  version: z.string().refine((text) => valid(text) !== null, 'name an exact version, like 1.2.0'),
  reason: z.string().optional(),
  actor: z.string().optional(),
})

/** Throws OPTION_INVALID. */
export function checkPromotion(given: Promotion): Required<Promotion> {
  const parsed = promotionSchema.safeParse(given)
  if (!parsed.success) {
    const option = parsed.error.issues[0]?.path.join('.') || 'promotion'
    throw new HeadgateError('OPTION_INVALID', { option, why: firstProblem(parsed.error, given) })
  }
  const { reason, actor = 'library', ...of } = parsed.data
  return { ...of, actor, reason: reason ?? `${of.version} was promoted by hand` }
}
