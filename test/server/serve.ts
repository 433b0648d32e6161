/** A server over a fake executor, closed at the end of the test. */

import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import {
  type RunningServer,
  type ServerOptions,
  startServer,
} from '../../src/server/start-server.ts'
import { FakeExecutor } from '../helpers/fake-executor.ts'

/** Path of the invoke of a task. */
export const TASK = '/v1/tenants/public/packages/analytics/workflows/daily/tasks/extract/invoke'
export const JSON_TYPE = { 'content-type': 'application/json' }
export const TOKEN = 'token-of-this-start'

export interface Served {
  readonly server: RunningServer
  readonly executor: FakeExecutor
}

export async function serve(
  t: Test,
  options: Partial<ServerOptions> = {},
  prepare: (executor: FakeExecutor) => void = () => {},
): Promise<Served> {
  const executor = new FakeExecutor()
  prepare(executor)
  const server = await startServer({
    executor,
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    version: '0.1.0',
    token: TOKEN,
    ...options,
  })
  t.teardown(() => server.close())
  return { server, executor }
}

/** A raw connection; `text` collects everything until the other side ends it. */
export interface RawConnection {
  readonly socket: Socket
  readonly text: Promise<string>
  /** Resolves when what came so far contains `part`. */
  until(part: string): Promise<string>
}

export function rawConnect(t: Test, port: number): RawConnection {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let seen = ''
  const waiting = new Set<() => void>()
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    seen += chunk
    for (const check of waiting) check()
  })
  socket.on('error', () => {})
  const text = new Promise<string>((resolve) => socket.once('close', () => resolve(seen)))
  const until = (part: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (!seen.includes(part)) return
        waiting.delete(check)
        resolve(seen)
      }
      waiting.add(check)
      socket.once('close', () => reject(new Error(`ended without ${part}: ${seen}`)))
      check()
    })
  return { socket, text, until }
}

/** One raw request; the answer until the server closes. */
export function rawRequest(t: Test, port: number, lines: readonly string[]): Promise<string> {
  const { socket, text } = rawConnect(t, port)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  return text
}

export function statusOf(answer: string): number {
  return Number(answer.split(' ', 2)[1])
}

export function bodyOf(answer: string): Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
}
