/**
 * When a failed attempt is tried again, and how long after. One schema from the author's call to
 * the attempt: what is declared is what is in force.
 */

import { z } from 'zod'
import { durationSchema } from './duration.ts'
import { strictObject } from './schema.ts'

export interface RetryPolicy {
  /** Total tries, the first included. */
  readonly attempts: number
  readonly backoff: 'fixed' | 'linear' | 'exponential'
  readonly delayMs: number
  readonly maxDelayMs: number
  /** Spreads each delay by a quarter either way. */
  readonly jitter: boolean
  /** Error codes that are retried; null: all but terminal ones. */
  readonly retryOn: readonly string[] | null
}

/** In force where an author declares nothing. */
export const NO_RETRY: RetryPolicy = Object.freeze({
  attempts: 1,
  backoff: 'exponential',
  delayMs: 1000,
  maxDelayMs: 30_000,
  jitter: true,
  retryOn: null,
})

/** The author's call; its output is the policy. */
export const retrySchema = strictObject({
  attempts: z.int().min(1).max(100).default(3),
  backoff: z.enum(['fixed', 'linear', 'exponential']).default('exponential'),
  delay: durationSchema.default(1000),
  maxDelay: durationSchema.optional(),
  jitter: z.boolean().default(true),
  retryOn: z
    .array(z.string().min(1).max(128))
    .min(1, 'name at least one error code or leave retryOn out')
    .optional(),
}).transform((raw, ctx): RetryPolicy => {
  if (raw.maxDelay !== undefined && raw.maxDelay < raw.delay) {
    ctx.issues.push({
      code: 'custom',
      path: ['maxDelay'],
      message: `maxDelay (${raw.maxDelay} ms) is shorter than delay (${raw.delay} ms)`,
      input: raw,
    })
    return z.NEVER
  }
  return Object.freeze({
    attempts: raw.attempts,
    backoff: raw.backoff,
    delayMs: raw.delay,
    // A declared delay over the default cap stays what was declared.
    maxDelayMs: raw.maxDelay ?? Math.max(30_000, raw.delay),
    jitter: raw.jitter,
    retryOn: raw.retryOn === undefined ? null : Object.freeze([...raw.retryOn]),
  })
})

const JITTER = 0.25

/**
 * ms to wait after `failedAttempt` (from 1) before the next. `random` is in [0, 1).
 * Never over `maxDelayMs`, jitter included.
 */
export function retryDelay(policy: RetryPolicy, failedAttempt: number, random: number): number {
  // Capped before the jitter as well: a delay far over the cap would otherwise never be spread.
  const base = Math.min(policy.delayMs * growth(policy.backoff, failedAttempt), policy.maxDelayMs)
  if (!policy.jitter) return base
  return Math.min(base * (1 - JITTER + 2 * JITTER * random), policy.maxDelayMs)
}

export function mayRetry(
  policy: RetryPolicy,
  failedAttempt: number,
  error: { readonly code: string; readonly terminal: boolean },
): boolean {
  if (error.terminal || failedAttempt >= policy.attempts) return false
  return policy.retryOn === null || policy.retryOn.includes(error.code)
}

function growth(backoff: RetryPolicy['backoff'], failedAttempt: number): number {
  switch (backoff) {
    case 'fixed':
      return 1
    case 'linear':
      return failedAttempt
    case 'exponential':
      return 2 ** (failedAttempt - 1)
  }
}
