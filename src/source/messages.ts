/**
 * What main thread and source thread say to each other, with the schema of each message.
 */

import { z } from 'zod'
import { declaredSchema } from '../domain/declared.ts'
import { SIGNATURE_POLICIES, SIGNATURE_STATES } from '../domain/signature-policy.ts'

const textSchema = z.string()
const digestSchema = z.string().regex(/^[0-9a-f]{64}$/)

const errorRecordSchema = z.object({
  code: textSchema,
  message: textSchema,
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).exactOptional(),
})

const megabytes = z.number().exactOptional()

const packageOptionsSchema = z.object({
  entry: textSchema.nullable(),
  threads: z.int(),
  concurrency: z.int(),
  drainTimeoutMs: z.number(),
  keepWarmMs: z.number().nullable(),
  resourceLimits: z.object({
    maxOldGenerationSizeMb: megabytes,
    maxYoungGenerationSizeMb: megabytes,
    codeRangeSizeMb: megabytes,
    stackSizeMb: megabytes,
  }),
  permissions: z.object({
    net: z.boolean(),
    read: z.array(textSchema).readonly(),
    write: z.array(textSchema).readonly(),
    env: z.array(textSchema).readonly(),
  }),
  promotion: textSchema.nullable(),
})

const checkedShape = { publicKey: textSchema, key: textSchema, isValid: z.boolean() }

const trustSchema = z.object({
  policy: z.enum(SIGNATURE_POLICIES),
  keys: z.map(textSchema, z.array(textSchema).readonly()),
})

const versionShape = {
  entry: textSchema,
  tenant: textSchema,
  package: textSchema,
  version: textSchema,
  digest: digestSchema,
}

const stagedSchema = z.object({
  ...versionShape,
  description: textSchema.exactOptional(),
  author: textSchema.exactOptional(),
  entryFile: textSchema,
  options: packageOptionsSchema,
  declared: declaredSchema.exactOptional(),
  manifest: digestSchema.nullable(),
  signatures: z.array(z.object({ ...checkedShape, state: z.enum(SIGNATURE_STATES) })).readonly(),
  doubt: errorRecordSchema.nullable(),
  provisional: z.literal(true).exactOptional(),
  artifactDir: textSchema,
  files: z.int(),
  bytes: z.int(),
  landedAt: z.number().nullable(),
  detectedAt: z.number(),
  stagedAt: z.number(),
})

const refusedSchema = z.object({
  entry: textSchema,
  kind: z.enum(['incomplete', 'deferred', 'rejected']),
  tenant: textSchema,
  package: textSchema.exactOptional(),
  version: textSchema.exactOptional(),
  digest: digestSchema.exactOptional(),
  error: errorRecordSchema,
  since: z.number(),
  again: z.enum(['change', 'retry']),
})

const publishedSchema = z.object({
  ...versionShape,
  outcome: z.enum(['created', 'present']),
  files: z.int(),
  bytes: z.int(),
})

const loadedSchema = z.object({
  entry: textSchema,
  package: textSchema,
  version: textSchema,
  digest: digestSchema,
  description: textSchema.exactOptional(),
  author: textSchema.exactOptional(),
  source: digestSchema.nullable(),
  declared: declaredSchema.exactOptional(),
  manifest: digestSchema.nullable(),
  signatures: z.array(z.object(checkedShape)).readonly(),
})

const watchSchema = z.object({
  state: z.enum(['ok', 'degraded']),
  mode: z.enum(['events', 'poll', 'missing']),
  reason: textSchema.exactOptional(),
  watches: z.int(),
  lastReconcileAt: z.number(),
  lastReconcileMs: z.number(),
  entries: z.int(),
})

const id = z.int()

export const toThreadSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('reconcile'), id }),
  z.object({
    type: z.literal('link'),
    id,
    digest: digestSchema,
    slotDir: textSchema,
    entryFile: textSchema,
    /** Something else may lie there. */
    clear: z.boolean(),
  }),
  /** The next staged version that fits any thread is to be put there; no answer. */
  z.object({ type: z.literal('offer'), slotDir: textSchema }),
  z.object({
    type: z.literal('publish'),
    id,
    publication: z.object({
      path: textSchema,
      tenant: textSchema,
      package: textSchema,
      version: textSchema,
    }),
  }),
  z.object({ type: z.literal('load'), id, path: textSchema }),
  z.object({
    type: z.literal('register'),
    id,
    registration: z.object({ tenant: textSchema, loaded: loadedSchema }),
  }),
  /** What can be called has these bytes for ever. */
  z.object({ type: z.literal('record'), key: textSchema, digest: digestSchema }),
  /** Nobody has seen these bytes run: others may take their place. */
  z.object({ type: z.literal('withdrawn'), key: textSchema, digest: digestSchema }),
  z.object({ type: z.literal('close') }),
])

export const fromThreadSchema = z.discriminatedUnion('type', [
  /** `slotDir`: it is put there now, and `filled` follows. */
  z.object({
    type: z.literal('staged'),
    event: stagedSchema,
    slotDir: textSchema.nullable(),
  }),
  z.object({ type: z.literal('filled'), slotDir: textSchema, ok: z.boolean() }),
  z.object({ type: z.literal('refused'), event: refusedSchema }),
  z.object({ type: z.literal('cleared'), event: z.object({ entry: textSchema }) }),
  z.object({ type: z.literal('removed'), event: z.object(versionShape) }),
  /** A provisional version was quiet for long enough. */
  z.object({ type: z.literal('recorded'), event: z.object(versionShape) }),
  /** Its folder has other bytes now: `record` or `withdrawn` answers, or nothing while it loads. */
  z.object({ type: z.literal('withdraw'), event: z.object(versionShape) }),
  z.object({ type: z.literal('watch'), event: watchSchema }),
  /** The first full pass has been reported. */
  z.object({ type: z.literal('started') }),
  z.object({ type: z.literal('answer'), id, error: errorRecordSchema.nullable() }),
  z.object({ type: z.literal('published'), id, published: publishedSchema }),
  z.object({ type: z.literal('loaded'), id, loaded: loadedSchema }),
  z.object({ type: z.literal('registered'), id, drop: stagedSchema }),
])

/** workerData of the source thread. */
export const threadDataSchema = z.object({
  packagesDir: textSchema,
  artifactsDir: textSchema,
  reconcileMs: z.number().positive(),
  quietMs: z.number().nonnegative(),
  settleMs: z.number().nonnegative(),
  removeAfterMs: z.number().nonnegative(),
  watch: z.enum(['events', 'poll']),
  /** versionKey → digest. */
  known: z.map(textSchema, textSchema),
  /** What an earlier thread of this source reported as present. */
  present: z.array(stagedSchema).readonly(),
  headgateVersion: textSchema,
  trust: trustSchema,
})

export type ToThread = z.infer<typeof toThreadSchema>
export type FromThread = z.infer<typeof fromThreadSchema>
export type ThreadData = z.infer<typeof threadDataSchema>
