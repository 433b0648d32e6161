/** Frames of clients: from bytes to a checked value. */

import type { RawData } from 'ws'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { type ClientFrame, clientFrameSchema } from '../protocol/status-stream.ts'

/** Throws WS_PROTOCOL. */
export function parseJson(data: RawData, isBinary: boolean): unknown {
  if (isBinary) throw refused('frames are JSON text, not binary')
  try {
    return JSON.parse(textOf(data))
  } catch (error) {
    throw refused(`it is not JSON: ${messageOf(error)}`)
  }
}

/** Which subscription a frame is about, though it may be refused; null: it does not say. */
export function idOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('id' in value)) return null
  return typeof value.id === 'string' && value.id.length > 0 && value.id.length <= 64
    ? value.id
    : null
}

/** Throws WS_PROTOCOL naming the first thing that is wrong. */
export function parseFrame(value: unknown): ClientFrame {
  const parsed = clientFrameSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  throw refused(`${place}${issue?.message ?? 'not a frame'}`)
}

export function refused(why: string): HeadgateError {
  return new HeadgateError('WS_PROTOCOL', { why })
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString()
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString()
}
