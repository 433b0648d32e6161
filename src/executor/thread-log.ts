/** What becomes of a generation's threads, as lines of the log. */

import type { HeadgateError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Generation } from '../generation/generation.ts'

export function logEnded(logger: Logger, generation: Generation, why: string): void {
  logger.warn({ ...named(generation), why }, 'a thread ended')
}

export function logNotReplaced(
  logger: Logger,
  generation: Generation,
  { code, message }: HeadgateError,
  retryMs: number,
): void {
  logger.error({ ...named(generation), code, retryMs }, `no thread in its place: ${message}`)
}

function named({ tenant, package: name, version, number }: Generation): object {
  return { tenant, package: name, version, generation: number }
}
