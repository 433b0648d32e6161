/**
 * The frames of the WebSocket `/v1/status`, subprotocol `headgate.status.v1`.
 *
 * One frame is one JSON text. The server speaks first (`hello`); the socket only reads, all
 * actions go over HTTP.
 *
 * F1  State topics (executor, packages, receipts): `snapshot` in parts, then `delta`s. `seq` counts
 *     the changes told to one subscription; a delta's `prev` equals the `seq` before it, else
 *     something was lost and the client subscribes again.
 * F2  The event topic (control): `event`s in order of the control log's `seq`, none left out.
 * F3  `seq` in hello, bookmark and event is the control log's: a client that has seen a bookmark
 *     has seen every entry up to it that its filters let through, and may resume `since` there.
 * F4  `now` is the server's wall clock; durations on a page are computed from it.
 */

import { z } from 'zod'
import { problemSchema } from './problem.ts'
import { controlEntrySchema } from './status.ts'

/** The client's name for a subscription, unique on its connection. */
const id = z.string().min(1).max(64)

export const topicFilterSchema = z.strictObject({
  tenant: z.string().max(256).optional(),
  package: z.string().max(256).optional(),
})
export type TopicFilter = z.infer<typeof topicFilterSchema>

export const subscribeFrameSchema = z.strictObject({
  type: z.literal('subscribe'),
  id,
  /** A topic that is not known is answered with an error frame that names the known ones. */
  topic: z.string().max(256),
  /** Rows of one tenant or package only; ignored by `executor`. */
  filter: topicFilterSchema.optional(),
  /** control only: entries after this seq; default: from now on. */
  since: z.int().min(0).optional(),
  /** Deltas a second, at most; default and highest 10. */
  maxHz: z.number().positive().max(10).optional(),
})

export const unsubscribeFrameSchema = z.strictObject({ type: z.literal('unsubscribe'), id })
/** `t` comes back in the pong. */
export const pingFrameSchema = z.strictObject({ type: z.literal('ping'), t: z.number().optional() })

export const clientFrameSchema = z.discriminatedUnion('type', [
  subscribeFrameSchema,
  unsubscribeFrameSchema,
  pingFrameSchema,
])

export const helloFrameSchema = z.object({
  type: z.literal('hello'),
  /** Id of this start of the executor: another boot is never a continuation. */
  boot: z.string(),
  seq: z.int(),
  now: z.number(),
  /** A client that heard nothing for three times this may take the connection for dead. */
  heartbeatMs: z.int(),
  /** Of headgate. */
  version: z.string(),
})

export const snapshotFrameSchema = z.object({
  type: z.literal('snapshot'),
  id,
  boot: z.string(),
  seq: z.int(),
  now: z.number(),
  rows: z.array(z.unknown()),
  /** From 0; part 0 replaces whatever the client had. */
  part: z.int(),
  last: z.boolean(),
})

export const deltaFrameSchema = z.object({
  type: z.literal('delta'),
  id,
  prev: z.int(),
  seq: z.int(),
  now: z.number(),
  put: z.array(z.unknown()),
  del: z.array(z.string()),
})

export const bookmarkFrameSchema = z.object({
  type: z.literal('bookmark'),
  seq: z.int(),
  now: z.number(),
})

/** The subscription's state is void; a fresh snapshot follows. */
export const goneFrameSchema = z.object({ type: z.literal('gone'), id, reason: z.string() })

export const eventFrameSchema = z.object({
  type: z.literal('event'),
  id,
  seq: z.int(),
  entry: controlEntrySchema,
})

export const pongFrameSchema = z.object({
  type: z.literal('pong'),
  t: z.number().nullable(),
  now: z.number(),
})

/** The frame before it was refused; `id` names the subscription when there is one. */
export const errorFrameSchema = problemSchema.extend({
  /** In the place of the problem's own `type`, which would collide with the frame's. */
  type: z.literal('error'),
  id: id.nullable(),
})

/** The server ends the connection; come back after `retryAfterMs`. */
export const byeFrameSchema = z.object({
  type: z.literal('bye'),
  reason: z.string(),
  retryAfterMs: z.int(),
})

export const serverFrameSchema = z.discriminatedUnion('type', [
  helloFrameSchema,
  snapshotFrameSchema,
  deltaFrameSchema,
  bookmarkFrameSchema,
  goneFrameSchema,
  eventFrameSchema,
  pongFrameSchema,
  errorFrameSchema,
  byeFrameSchema,
])

export type SubscribeFrame = z.infer<typeof subscribeFrameSchema>
export type ClientFrame = z.infer<typeof clientFrameSchema>
export type ServerFrame = z.infer<typeof serverFrameSchema>
