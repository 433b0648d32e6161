/**
 * What happens in a run, as it happens. Plain JSON with its schema: `headgate run-local` receives it
 * from the thread in which the package runs.
 *
 * `at`: wall clock, ms since 1970. `run`: id of the run. `task`: `workflow::task`.
 */

import { z } from 'zod'

const log = z.object({
  type: z.literal('log'),
  at: z.number(),
  /** null: written by `setup` or by nobody known. */
  run: z.string().nullable(),
  task: z.string().nullable(),
  level: z.enum(['debug', 'info', 'warn', 'error', 'stdout', 'stderr']),
  message: z.string(),
  /** JSON text. */
  fields: z.string().nullable(),
})

const progress = z.object({
  type: z.literal('progress'),
  at: z.number(),
  run: z.string(),
  task: z.string(),
  fraction: z.number(),
  note: z.string().nullable(),
})

const begun = z.object({
  type: z.literal('begun'),
  at: z.number(),
  run: z.string(),
  task: z.string(),
  /** From 1. */
  attempt: z.int(),
  /** Waited before it, ms; 0 for the first. */
  delayMs: z.number(),
  timeoutMs: z.number(),
})

const ended = z.object({
  type: z.literal('ended'),
  at: z.number(),
  run: z.string(),
  task: z.string(),
  attempt: z.int(),
  tookMs: z.number(),
  outcome: z.enum(['succeeded', 'failed', 'cancelled']),
  /** null: it succeeded. `code`: the author's own where there is one, as `retryOn` compares it. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** null: no further attempt. */
  retryInMs: z.number().nullable(),
})

export const runEventSchema = z.discriminatedUnion('type', [log, progress, begun, ended])

export type RunEvent = z.infer<typeof runEventSchema>
export type AttemptBegun = z.infer<typeof begun>
export type AttemptEnded = z.infer<typeof ended>

export type Observe = (event: RunEvent) => void
