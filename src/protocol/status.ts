/**
 * What status says: rows of HTTP answers, WebSocket snapshots and `headgate status`.
 */

import { z } from 'zod'
import { SIGNATURE_POLICIES, SIGNATURE_STATES } from '../domain/signature-policy.ts'

export const errorRecordSchema = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
})

export const generationStateSchema = z.enum([
  'staging',
  'loading',
  'probing',
  'standby',
  'canary',
  'active',
  'draining',
  'drained',
  'terminating',
  'retired',
  'quarantined',
  'rejected',
])

export const generationRowSchema = z.object({
  generation: z.int(),
  version: z.string(),
  digest: z.string(),
  state: generationStateSchema,
  /** Wall clock of the last transition, ms. */
  since: z.number(),
  reason: z.string(),
  /** Live worker threads; 0: cold. */
  threads: z.int(),
  /** Bound now: single tasks and tasks of workflows handed to a lane. */
  requests: z.int(),
  /** Workflow invokes between first and last task. */
  workflows: z.int(),
  served: z.int(),
  failed: z.int(),
  /** Worker threads lost since the generation began. */
  exits: z.int(),
  /** Median and 99th percentile of task time in the worker, ms; null before the first. */
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  /** What a draining generation waits for, oldest first, at most 5. */
  blockers: z.array(z.string()),
  drainDeadlineAt: z.number().nullable(),
})

export const refusalRowSchema = z.object({
  entry: z.string(),
  /** `drop`: its bytes were not taken; `load`: they were, and could not be loaded. */
  stage: z.enum(['drop', 'load']),
  kind: z.enum(['incomplete', 'deferred', 'rejected']),
  tenant: z.string(),
  package: z.string().nullable(),
  version: z.string().nullable(),
  digest: z.string().nullable(),
  error: errorRecordSchema,
  since: z.number(),
  /**
   * What makes the executor look at it again: its bytes `change`; a `retry` after a while, later and
   * later; `room`, when another generation of the package has drained.
   */
  again: z.enum(['change', 'retry', 'room']),
  /** Wall clock of the next retry, ms, where it is known. */
  retryAt: z.number().nullable(),
})

export const taskRowSchema = z.object({
  name: z.string(),
  after: z.array(z.string()),
  timeoutMs: z.number(),
  attempts: z.int(),
})

export const workflowRowSchema = z.object({
  name: z.string(),
  description: z.string().nullable(),
  namespace: z.string(),
  /** The workflow's own name, where `name` is another id that it was registered under. */
  aliasOf: z.string().optional(),
  tasks: z.array(taskRowSchema),
})

export const versionRowSchema = z.object({
  version: z.string(),
  digest: z.string(),
  entry: z.string(),
  /** What it says of promoting itself: `auto`, `manual` or a range. */
  promotion: z.string(),
  /** Who signed it, by the fingerprint of the key, and what that is to its tenant. */
  signatures: z.array(z.object({ key: z.string(), state: z.enum(SIGNATURE_STATES) })),
  /** What `warn` holds against its signatures; `require` would refuse it so. */
  doubt: errorRecordSchema.nullable(),
})

export const packageRowSchema = z.object({
  tenant: z.string(),
  package: z.string(),
  description: z.string().nullable(),
  author: z.string().nullable(),
  epoch: z.int(),
  /** Of the version in force: `auto`, `manual` or a range; before any is, of the highest one. */
  policy: z.string(),
  activeVersion: z.string().nullable(),
  activeGeneration: z.int().nullable(),
  /** Versions in the folder, highest first. */
  versions: z.array(versionRowSchema),
  held: z.record(z.string(), z.string()),
  /** Unpinned requests that wait for a lane. */
  waiting: z.int(),
  generations: z.array(generationRowSchema),
  refusals: z.array(refusalRowSchema),
  workflows: z.array(workflowRowSchema),
})

export const executorRowSchema = z.object({
  boot: z.string(),
  version: z.string(),
  node: z.string(),
  pid: z.int(),
  startedAt: z.number(),
  now: z.number(),
  epoch: z.int(),
  state: z.enum(['starting', 'ready', 'closing', 'closed']),
  packages: z.int(),
  threads: z.int(),
  spare: z.enum(['ready', 'starting', 'off']),
  abandonedThreads: z.int(),
  rssBytes: z.int(),
  watch: z.object({
    /** `degraded`: drops are noticed late, or not at all; `reason` says why. */
    state: z.enum(['ok', 'degraded']),
    /** `events`: file events and reconcile; `poll`: reconcile only; `missing`: the folder cannot be read. */
    mode: z.enum(['events', 'poll', 'missing']),
    reason: z.string().nullable(),
    /** Folders with a file watch of the system. */
    watches: z.int(),
    lastReconcileAt: z.number(),
    lastReconcileMs: z.number(),
    entries: z.int(),
  }),
  store: z.object({
    /** `failing`: what happens now would not survive a restart; `reason` says why. */
    state: z.enum(['ok', 'failing']),
    reason: z.string().nullable(),
    /** Records that wait to be written. */
    waiting: z.int(),
  }),
  isolation: z.object({
    permissions: z.enum(['on', 'off']),
    /** Node 24 cannot restrict the network of a worker. */
    network: z.enum(['restricted', 'open']),
  }),
  /** What is asked of versions: `require` loads what a trusted key has signed, and nothing else. */
  signatures: z.enum(SIGNATURE_POLICIES),
  /** Drops refused before they had a package name. */
  refusals: z.array(refusalRowSchema),
})

export const swapReceiptSchema = z.object({
  epoch: z.int(),
  at: z.number(),
  tenant: z.string(),
  package: z.string(),
  from: z.object({ version: z.string(), generation: z.int() }).nullable(),
  to: z.object({ version: z.string(), generation: z.int() }),
  reason: z.string(),
  spare: z.enum(['hit', 'miss', 'revive']),
  inFlightAtSwap: z.int(),
  moved: z.int(),
  drained: z.int().nullable(),
  killed: z.int().nullable(),
  lost: z.int().nullable(),
  detectMs: z.number().nullable(),
  stageMs: z.number().nullable(),
  loadMs: z.number().nullable(),
  probeMs: z.number().nullable(),
  swapMs: z.number(),
  dropToSwapMs: z.number().nullable(),
  dropToFirstTaskMs: z.number().nullable(),
  drainMs: z.number().nullable(),
  cutOff: z.literal(true).exactOptional(),
})

export const controlEntrySchema = z.object({
  seq: z.int(),
  at: z.number(),
  boot: z.string(),
  tenant: z.string(),
  package: z.string(),
  version: z.string(),
  digest: z.string(),
  generation: z.int(),
  from: generationStateSchema.nullable(),
  to: generationStateSchema,
  reason: z.string(),
  actor: z.string(),
})

export type GenerationRow = z.infer<typeof generationRowSchema>
export type RefusalRow = z.infer<typeof refusalRowSchema>
export type VersionRow = z.infer<typeof versionRowSchema>
export type WorkflowRow = z.infer<typeof workflowRowSchema>
export type PackageRow = z.infer<typeof packageRowSchema>
export type ExecutorRow = z.infer<typeof executorRowSchema>
export type SwapReceiptRow = z.infer<typeof swapReceiptSchema>
export type ControlEntryRow = z.infer<typeof controlEntrySchema>
