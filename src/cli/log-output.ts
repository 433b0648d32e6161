/** Logs of `headgate start`: on stderr, JSON lines for machines, readable lines on a terminal. */

import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { PinoPretty } from 'pino-pretty'
import { plain, type Terminal } from './terminal.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

const STDERR = 2

export function createLogger(terminal: Terminal, level: string): Logger {
  // Synchronous, so that the last lines before an exit are not lost.
  const stream: DestinationStream =
    terminal.stderr.isTTY === true
      ? PinoPretty({
          destination: STDERR,
          sync: true,
          ignore: 'pid,hostname',
          colorize: !terminal.env['NO_COLOR'],
          // Packages write messages too, and a terminal would obey what is hidden in them.
          messageFormat: (line, key) => {
            const message: unknown = line[key]
            return typeof message === 'string' ? plain(message) : ''
          },
        })
      : destination({ dest: STDERR, sync: true })
  return pino({ level }, stream)
}
