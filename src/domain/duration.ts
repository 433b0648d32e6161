/**
 * Durations as authors and operators write them: `200ms`, `30s`, `5m`, `1h`, `2d`, or milliseconds.
 */

import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'
import { printable } from './names.ts'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const TEXT = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/

export const LONGEST_DURATION_MS = 365 * UNITS.d

const EXPECTED =
  'write a number with a unit (200ms, 30s, 5m, 1h, 2d) or a number of milliseconds, from 0 to 365 days'

/** Milliseconds of an author's duration. */
export const durationSchema = z
  .union([z.number(), z.string()], { error: `not a duration: ${EXPECTED}` })
  .transform((value, ctx): number => {
    const ms = toMs(value)
    if (ms !== null) return ms
    ctx.issues.push({ code: 'custom', message: whyNot(value), input: value })
    return z.NEVER
  })

/** Milliseconds; throws OPTION_INVALID naming `option`. */
export function parseDuration(value: string | number, option = 'duration'): number {
  const ms = toMs(value)
  if (ms === null) throw new HeadgateError('OPTION_INVALID', { option, why: whyNot(value) })
  return ms
}

function toMs(value: string | number): number | null {
  const ms = typeof value === 'number' ? value : textToMs(value)
  return ms !== null && ms >= 0 && ms <= LONGEST_DURATION_MS ? ms : null
}

function textToMs(text: unknown): number | null {
  const match = typeof text === 'string' ? TEXT.exec(text) : null
  if (match === null) return null
  const unit = match[2] as keyof typeof UNITS
  // 1.1 s is 1100.0000000000002 ms in binary; no one means that.
  return Math.round(Number(match[1]) * UNITS[unit] * 1000) / 1000
}

function whyNot(value: unknown): string {
  const shown = typeof value === 'number' ? String(value) : printable(value)
  return `${shown} is not a duration: ${EXPECTED}`
}
