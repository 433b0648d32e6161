/**
 * Queries and answers of the HTTP interface. Invoke bodies and results are JSON text that the
 * main thread never parses; they have no schema here.
 */

import { z } from 'zod'
import { controlEntrySchema, packageRowSchema, swapReceiptSchema } from './status.ts'

/** A decimal of the query string. */
const count = z
  .string()
  .regex(/^\d{1,15}$/, 'a whole number is needed')
  .transform(Number)

/** Rows of one page, 1 to 1000. */
const limit = count
  .refine((value) => value >= 1 && value <= 1000, 'between 1 and 1000 is possible')
  .default(100)

export const emptyQuerySchema = z.strictObject({})

export const invokeQuerySchema = z.strictObject({
  /** Exact version or semver range; default: the active version. */
  version: z
    .string()
    .min(1, 'an exact version or a range is needed')
    .max(256, 'at most 256 characters')
    .optional(),
  /** Generation number; wins over `version`. */
  generation: count.refine((value) => value >= 1, 'generations begin at 1').optional(),
})

export const whyQuerySchema = z.strictObject({
  /** Exact; default: all of which something is known. */
  version: z
    .string()
    .min(1, 'an exact version is needed')
    .max(256, 'at most 256 characters')
    .optional(),
})

export const receiptsQuerySchema = z.strictObject({
  limit,
  /** Receipts of epochs below this one. */
  before: count.optional(),
  tenant: z.string().optional(),
  package: z.string().optional(),
})

export const controlQuerySchema = z.strictObject({
  /** Entries with a greater seq; 0 (default): from the oldest. */
  since: count.default(0),
  limit,
  /** Of more than `limit` entries the newest, not those that follow on `since`. */
  newest: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true'),
  tenant: z.string().optional(),
  package: z.string().optional(),
})

export const promotionBodySchema = z.strictObject({
  /** Exact. */
  version: z.string().min(1, 'an exact version is needed').max(256, 'at most 256 characters'),
})

export const packagesAnswerSchema = z.object({
  /** Sorted by tenant, then package. */
  packages: z.array(packageRowSchema),
})

export const receiptsAnswerSchema = z.object({
  /** Newest first. */
  receipts: z.array(swapReceiptSchema),
  /** `before` of the next page; null: this was the last. */
  next: z.int().nullable(),
})

export const controlAnswerSchema = z.object({
  /** Oldest first. */
  entries: z.array(controlEntrySchema),
  /** `since` of the next page, also when more is still to come. */
  next: z.int(),
})

export const publishedAnswerSchema = z.object({
  /** `created` (201), or `present` (200): the same version was there already. */
  outcome: z.enum(['created', 'present']),
  /** Path relative to packages-dir. */
  entry: z.string(),
  tenant: z.string(),
  package: z.string(),
  version: z.string(),
  digest: z.string(),
  files: z.int(),
  /** Unpacked. */
  bytes: z.int(),
})

export const healthAnswerSchema = z.object({ state: z.string() })

export type PackagesAnswer = z.infer<typeof packagesAnswerSchema>
export type ReceiptsAnswer = z.infer<typeof receiptsAnswerSchema>
export type PublishedAnswer = z.infer<typeof publishedAnswerSchema>
export type ControlAnswer = z.infer<typeof controlAnswerSchema>
