/**
 * What `headgate run-local` and the thread in which the package runs say to each other. The thread
 * runs foreign code: what it sends is checked.
 */

import { z } from 'zod'
import { runEventSchema } from '../testing/run-events.ts'

const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).default({}),
})

export const fromLocalThreadSchema = z.discriminatedUnion('type', [
  /** Set up and probed: the run begins. */
  z.object({ type: z.literal('ready') }),
  /** There is no run: the package or the call was refused. */
  z.object({ type: z.literal('refused'), error: errorSchema }),
  z.object({ type: z.literal('event'), event: runEventSchema }),
  z.object({
    type: z.literal('ended'),
    status: z.enum(['succeeded', 'failed', 'cancelled']),
    /** JSON text; null: it did not succeed. */
    answer: z.string().nullable(),
    /** JSON text by task name, of the tasks that succeeded. */
    outputs: z.record(z.string(), z.string()),
    error: errorSchema.nullable(),
    startedAt: z.number(),
    endedAt: z.number(),
  }),
  /** Torn down. */
  z.object({ type: z.literal('closed'), error: z.string().nullable() }),
])

export type FromLocalThread = z.infer<typeof fromLocalThreadSchema>

export interface ToLocalThread {
  readonly type: 'cancel'
  readonly reason: string
}

/** What the thread is started with. */
export interface LocalThreadData {
  /** Absolute path of the entry module. */
  readonly entry: string
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly config: unknown
  readonly secrets: Readonly<Record<string, string>>
  readonly workflow: string
  /** null: the whole workflow. */
  readonly task: string | null
  /** JSON text, empty for none. */
  readonly body: string
}
