/**
 * What crosses between the executor's thread and the store thread, with its validators.
 */

import { z } from 'zod'
import { type ErrorRecord, HeadgateError } from '../../base/errors.ts'
import {
  controlEntrySchema,
  errorRecordSchema as looseErrorSchema,
  swapReceiptSchema,
} from '../../protocol/status.ts'

const digestOrNull = z.string().min(1).nullable()

const policySchema = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('auto') }),
  z.object({ mode: z.literal('range'), range: z.string() }),
  z.object({ mode: z.literal('manual') }),
])

const routeSchema = z.object({
  tenant: z.string().min(1),
  package: z.string().min(1),
  epoch: z.int().nonnegative(),
  version: z.string().nullable(),
  digest: digestOrNull,
  previousVersion: z.string().nullable(),
  previousDigest: digestOrNull,
  policy: policySchema,
  held: z.record(z.string(), z.string()),
})

const knownVersionSchema = z.object({
  tenant: z.string().min(1),
  package: z.string().min(1),
  version: z.string().min(1),
  digest: z.string().min(1),
  firstSeenAt: z.number(),
})

const newEntriesSchema = z.array(controlEntrySchema.omit({ seq: true, boot: true }))

/** `exactOptional`: an absent filter stays absent, `undefined` is not a filter. */
const filter = { tenant: z.string().exactOptional(), package: z.string().exactOptional() }

const receiptsQuerySchema = z.object({
  ...filter,
  before: z.int().exactOptional(),
  limit: z.int().positive(),
})

const controlQuerySchema = z.object({
  ...filter,
  since: z.int().nonnegative(),
  newest: z.boolean().exactOptional(),
  limit: z.int().positive(),
})

const errorRecordSchema = looseErrorSchema.extend({
  details: z.record(z.string(), z.unknown()).exactOptional(),
})

/** One call of the Store interface. Each is atomic by itself. */
export const operationSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('append'), entries: newEntriesSchema }),
  z.object({ op: z.literal('commitRoute'), route: routeSchema }),
  z.object({ op: z.literal('know'), version: knownVersionSchema }),
  z.object({
    op: z.literal('reserve'),
    what: z.enum(['generation', 'epoch']),
    count: z.int().positive(),
  }),
  z.object({ op: z.literal('putReceipt'), receipt: swapReceiptSchema }),
  z.object({ op: z.literal('receipts'), query: receiptsQuerySchema }),
  z.object({ op: z.literal('control'), query: controlQuerySchema }),
])

export type Operation = z.infer<typeof operationSchema>
export type OperationName = Operation['op']

/** What each operation answers. */
export const resultSchemas = {
  append: z.array(controlEntrySchema),
  commitRoute: z.undefined(),
  know: z.undefined(),
  reserve: z.int(),
  putReceipt: z.undefined(),
  receipts: z.array(swapReceiptSchema),
  control: z.array(controlEntrySchema),
} as const satisfies Record<OperationName, z.ZodType>

export const snapshotSchema = z.object({
  routes: z.array(routeSchema),
  known: z.array(knownVersionSchema),
  lastSeq: z.int(),
})

/** How the store thread is started: its `workerData`. */
export const threadOptionsSchema = z.object({
  dataDir: z.string(),
  boot: z.string(),
  durability: z.enum(['full', 'os']),
})

export type ThreadOptions = z.infer<typeof threadOptionsSchema>

/** Why one operation is refused: not for the moment, but for what it says. */
export function refused(name: string, why: string): HeadgateError {
  return new HeadgateError('INTERNAL', { why: `the store refused ${name}: ${why}` })
}

/** To the store thread. A batch is one transaction; each of its operations is validated by itself. */
export const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('batch'), operations: z.array(z.unknown()) }),
  z.object({ type: z.literal('close') }),
])

export type Request = z.infer<typeof requestSchema>

/** What became of one operation; `value` is checked against `resultSchemas` by the caller's side. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: ErrorRecord }

const outcomeSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: errorRecordSchema }),
])

/** From the store thread. Outcomes stand in the order of the batch's operations. */
export const replySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('opened'), snapshot: snapshotSchema }),
  z.object({ type: z.literal('refused'), error: errorRecordSchema }),
  z.object({ type: z.literal('committed'), outcomes: z.array(outcomeSchema) }),
  z.object({ type: z.literal('closed') }),
])

export type Reply = z.infer<typeof replySchema>
