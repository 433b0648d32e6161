/** What a package writes, handed on: as events to the library's user, as lines to the logger. */

import type { TypedEmitter } from '../base/events.ts'
import type { Logger } from '../base/logger.ts'
import type { Generation } from '../generation/generation.ts'
import { readFields } from '../hosting/package-output.ts'
import type { WorkerMessage } from '../protocol/lane-messages.ts'
import type { ExecutorEvents } from './api.ts'

export function relayLog(
  generation: Generation,
  { lines, dropped }: Extract<WorkerMessage, { type: 'log' }>,
  events: TypedEmitter<ExecutorEvents>,
  logger: Logger,
): void {
  const { tenant, package: name, version, number } = generation
  const identity = { tenant, package: name, version, generation: number }
  for (const { at, level, task, message, fields: text } of lines) {
    const fields = text === undefined ? {} : { fields: readFields(text) }
    events.emit('log', { at, level, task, message, ...identity, ...fields })
    const write = level === 'stdout' ? 'info' : level === 'stderr' ? 'warn' : level
    logger[write]({ ...identity, task, ...fields }, message)
  }
  if (dropped > 0) logger.warn({ ...identity, dropped }, 'lines of a package were dropped')
}
