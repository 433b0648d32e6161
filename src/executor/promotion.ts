/** What promote() is given, checked, and with what it leaves out. */

import { z } from 'zod'
import { parseOptions, strictObject } from '../domain/schema.ts'
import { checkVersion } from '../domain/version-policy.ts'
import type { Promotion } from './api.ts'

const promotionSchema = strictObject({
  tenant: z.string(),
  package: z.string(),
  version: z.string(),
  reason: z.string().optional(),
  actor: z.string().default('library'),
})

/** Throws OPTION_INVALID, VERSION_INVALID. */
export function checkPromotion(given: Promotion): Required<Promotion> {
  const { version, reason, ...rest } = parseOptions(promotionSchema, given, 'promotion')
  checkVersion(version)
  return { ...rest, version, reason: reason ?? `${version} was promoted by hand` }
}
