/**
 * What main thread and worker thread say to each other beside the batches (lane-layout.ts).
 *
 * A worker runs foreign code: everything it sends is checked before it is used. What the main side
 * sends is trusted and has types only, so that the worker need not load a schema library.
 */

import { z } from 'zod'
import type { ErrorRecord } from '../base/errors.ts'
import type { DefinitionTexts } from './definition-texts.ts'
import { DEFINITION_CHARS, LINE_CHARS, LINES_A_LOG, TEXT_CHARS } from './lane-limits.ts'

const text = z.string().max(TEXT_CHARS)

/** The thread entry runs and the lane is open. */
const hello = z.object({ type: z.literal('hello'), threadId: z.int() })

/**
 * The entry module was imported. `descriptor` is JSON text, so that its size is known before it is
 * parsed; domain/descriptor.ts checks what is in it.
 */
const imported = z.object({
  type: z.literal('imported'),
  descriptor: z.string().max(DEFINITION_CHARS),
  /** JSON text of domain/declared.ts' schemas, only when they were asked for. */
  schemas: z.string().max(DEFINITION_CHARS).nullable(),
  ms: z.number(),
})

/** setup and probe passed: the thread serves. */
const ready = z.object({ type: z.literal('ready'), ms: z.number() })

const refused = z.object({
  type: z.literal('refused'),
  phase: z.enum(['import', 'typescript', 'definition', 'config', 'setup', 'probe']),
  message: text,
  what: text.optional(),
  stack: text.optional(),
})

const log = z.object({
  type: z.literal('log'),
  lines: z
    .array(
      z.object({
        at: z.number(),
        level: z.enum(['debug', 'info', 'warn', 'error', 'stdout', 'stderr']),
        task: z.string().nullable(),
        message: z.string().max(LINE_CHARS),
        fields: z.string().max(LINE_CHARS).optional(),
      }),
    )
    .max(LINES_A_LOG),
  /** Lines not sent because the package wrote more than the limit. */
  dropped: z.int(),
})

/** The event loop of the thread turned after an abort was sent. */
const abortSeen = z.object({ type: z.literal('abortSeen'), slot: z.int(), id: z.number() })

const progress = z.object({
  type: z.literal('progress'),
  slot: z.int(),
  id: z.number(),
  fraction: z.number(),
  note: z.string().nullable(),
})

/**
 * A task calls a task or workflow, its own package's or another's. `slot` and `id` say which call of
 * the thread makes it, `call` is the number the answer comes back with.
 */
const invoke = z.object({
  type: z.literal('invoke'),
  slot: z.int(),
  id: z.number(),
  call: z.int(),
  namespace: z.string(),
  /** JSON text; empty for none. */
  body: z.string(),
  version: z.string().nullable(),
})

const tornDown = z.object({ type: z.literal('tornDown'), error: text.nullable() })

export const workerMessageSchema = z.discriminatedUnion('type', [
  hello,
  imported,
  ready,
  refused,
  log,
  abortSeen,
  progress,
  invoke,
  tornDown,
])

export type WorkerMessage = z.infer<typeof workerMessageSchema>
export type ThreadLogLine = z.infer<typeof log>['lines'][number]

/** What a worker is told to load. */
export interface LoadMessage {
  readonly type: 'load'
  /** Absolute path of the folder that holds the package's files. */
  readonly slotDir: string
  /** The entry module, relative to it. */
  readonly entry: string
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly generation: number
  readonly boot: string
  /** Variables the operator lets this package see. */
  readonly env: Readonly<Record<string, string>>
  readonly config: unknown
  readonly secrets: Readonly<Record<string, string>>
  /** Of one result, and of the input of one call that a task makes. */
  readonly maxPayloadBytes: number
  /** Whether the JSON Schemas of inputs and configuration are wanted with the definition. */
  readonly schemas: boolean
  /** A definition that has been checked: found again, it is set up at once. null: none has. */
  readonly accepted: AcceptedTexts | null
}

export interface AcceptedTexts extends DefinitionTexts {
  /** As `start` has them. */
  readonly timeoutsMs: readonly number[]
}

export type MainMessage =
  | LoadMessage
  /** A definition not known before was accepted: set up and probe. `timeoutsMs` by kind. */
  | { readonly type: 'start'; readonly timeoutsMs: readonly number[] }
  | { readonly type: 'abort'; readonly slot: number; readonly id: number; readonly reason: string }
  | {
      readonly type: 'invokeResult'
      readonly call: number
      readonly json: string | null
      readonly error: ErrorRecord | null
    }
  | { readonly type: 'teardown' }
