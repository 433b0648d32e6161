/**
 * Errors on the wire: which error the client is shown, and how it is written.
 *
 * P1  Nothing internal goes out: a fault is logged with an id, and the client is told the id.
 */

import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { type ErrorCode, HeadgateError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { PROBLEM_MEDIA_TYPE, type Problem } from '../protocol/problem.ts'
import { toProblem } from '../protocol/problem-record.ts'

const INTERNAL_CODES: ReadonlySet<ErrorCode> = new Set([
  'INTERNAL',
  'ILLEGAL_TRANSITION',
  'LEDGER_RELEASED_TWICE',
])

/** How long the rest of a refused body is read and thrown away. */
const LINGER_MS = 2_000

/** The error to show for whatever was thrown (P1). */
export function publicError(thrown: unknown, logger: Logger, where: string): HeadgateError {
  if (thrown instanceof HeadgateError && !INTERNAL_CODES.has(thrown.code)) return thrown
  const id = randomUUID()
  logger.error({ err: thrown, id, where }, 'a fault of headgate itself')
  const code = thrown instanceof HeadgateError ? thrown.code : 'INTERNAL'
  return new HeadgateError('INTERNAL', { why: `${code}, see the log for ${id}`, id })
}

/** Headers of every problem answer. */
export function problemHeaders(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': PROBLEM_MEDIA_TYPE,
    'cache-control': 'no-store',
  }
  if (problem.retryable && (problem.status === 429 || problem.status === 503)) {
    headers['retry-after'] = '1'
  }
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer'
  const allowed = problem.details?.['allowed']
  if (problem.status === 405 && Array.isArray(allowed)) headers['allow'] = allowed.join(', ')
  return headers
}

/**
 * Answers at once and closes the connection, though the client may still be sending: what it sends
 * is thrown away for a moment, because a connection closed over unread bytes is reset, and a reset
 * destroys the answer before the client has read it.
 */
export function refuseAndClose(
  clock: Clock,
  request: IncomingMessage,
  response: ServerResponse,
  error: HeadgateError,
): void {
  const problem = toProblem(error.toRecord())
  const text = JSON.stringify(problem)
  response.writeHead(problem.status, {
    ...problemHeaders(problem),
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  })
  response.write(text)
  const end = (): void => {
    timer.cancel()
    response.end()
  }
  const timer = clock.after(LINGER_MS, end)
  request.once('close', end)
  request.once('end', end)
  request.resume()
  if (request.complete) end()
}

/** For connections without a request object: malformed requests and refused upgrades. */
export function refuseSocket(socket: Duplex, error: HeadgateError): void {
  const problem = toProblem(error.toRecord())
  const text = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Refused'}`,
    ...Object.entries(problemHeaders(problem)).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`)
}
