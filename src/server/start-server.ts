/**
 * The listener: HTTP and the status stream on one loopback port, from listen to close.
 *
 * Owns: the node:http server, its limits, the order of closing.
 * Does not own: the open requests and how long each is waited for (open-requests.ts), routes and
 * errors (http-app.ts), status sockets (status-hub.ts), the executor.
 *
 * V1  beginClose(): readiness fails, and every answer from now on is the last of its connection; the
 *     port stays open, so that probes and callers are told and not refused. close(): the listener
 *     stops, open requests are answered, and only then do the status sockets and idle connections
 *     end. Both idempotent.
 */

import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '../base/clock.ts'
import { HeadgateError, messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Executor } from '../executor/api.ts'
import { Gate, listenAddress } from './gate.ts'
import { buildHttpApp, type HttpHandler } from './http-app.ts'
import type { ServerContext } from './http-route.ts'
import { OpenRequests } from './open-requests.ts'
import { OperatorToken } from './operator-token.ts'
import { refuseAndClose, refuseSocket } from './problem-reply.ts'
import { StatusHub } from './status-hub.ts'

export interface ServerOptions {
  readonly executor: Executor
  /** `127.0.0.1`, `localhost` or `::1`; anything else is HOST_REFUSED. */
  readonly host: string
  /** 0: a free one. In use: PORT_IN_USE. */
  readonly port: number
  readonly logger: Logger
  /** Of headgate. */
  readonly version: string
  /** Secret of this start, which calls that change what is served have to carry. */
  readonly token: string
  /** Bytes of a request body: the executor's `maxPayloadBytes`. Default 8 MiB. */
  readonly maxPayloadBytes?: number
  /** Bytes of a published archive. Default 256 MiB. */
  readonly maxArchiveBytes?: number
  readonly clock?: Clock
}

export interface RunningServer {
  readonly url: string
  readonly port: number
  /** Before the executor closes: `/readyz` is 503, status sockets are refused, the rest is served. */
  beginClose(): void
  /** Answers what is open, refuses what is new, resolves when every connection has ended. */
  close(): Promise<void>
}

const DEFAULT_MAX_PAYLOAD = 8 * 1024 * 1024
const DEFAULT_MAX_ARCHIVE = 256 * 1024 * 1024
const MAX_CONNECTIONS = 1_000
const MAX_HEADER_BYTES = 16 * 1024

/** Of receiving a request; an answer may take as long as its task does. */
const RECEIVE_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 72_000,
} as const

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const address = listenAddress(options.host)
  const clock = options.clock ?? systemClock
  const logger = options.logger
  let isClosing = false
  let closed: Promise<void> | undefined
  const context: ServerContext = {
    executor: options.executor,
    logger,
    clock,
    version: options.version,
    token: new OperatorToken(options.token),
    maxPayloadBytes: options.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD,
    maxArchiveBytes: options.maxArchiveBytes ?? DEFAULT_MAX_ARCHIVE,
    isClosing: () => isClosing,
  }
  const requests = new OpenRequests(clock)
  // The port, and with it the allowed Host values, is known once the server listens.
  let gate = new Gate(options.port)
  const app = buildHttpApp(context, {
    createServer: (handler) =>
      createHttpServer((request, response) => {
        requests.add(response)
        const refused = gate.refusal(request)
        if (refused === null) handler(request, response)
        else refuseAndClose(clock, request, response, refused)
      }),
    onMalformed: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
      // A response on its way goes out, and does not get a second one written into it.
      else if (requests.isOpenOn(socket)) socket.end(() => socket.destroy())
      else refuseSocket(socket, malformed(error))
    },
  })
  const server = app.server
  const hub = new StatusHub(context)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const refused = gate.refusal(request)
    if (refused === null) hub.accept(request, socket, head)
    else refuseSocket(socket, refused)
  })
  try {
    await app.ready()
    // Before the first client, which is told where the control log ends.
    await hub.start()
    await listen(server, address, options.port)
  } catch (error) {
    await hub.close('the server did not start')
    await app.close()
    throw error
  }
  const { port } = server.address() as AddressInfo
  gate = new Gate(port)

  function beginClose(): void {
    isClosing = true
    requests.endConnections()
  }

  async function shutDown(): Promise<void> {
    beginClose()
    const stopped = new Promise<void>((resolve) => {
      // Not http's own close(), which cuts answers that are written but not taken yet.
      NetServer.prototype.close.call(server, () => resolve())
    })
    await requests.drain(() => server.closeIdleConnections())
    await hub.close('the executor is shutting down')
    server.closeAllConnections()
    await stopped
    server.close()
    await app.close()
  }

  const shownHost = options.host.includes(':') ? '[::1]' : options.host
  return {
    url: `http://${shownHost}:${port}`,
    port,
    beginClose,
    close: () => {
      closed ??= shutDown()
      return closed
    },
  }
}

/**
 * Before anything is loaded that would have to be ended again. Throws HOST_REFUSED, PORT_IN_USE,
 * OPTION_INVALID.
 */
export async function checkAddress(host: string, port: number): Promise<void> {
  const server = new NetServer()
  await listen(server, listenAddress(host), port)
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

function createHttpServer(handler: HttpHandler): Server {
  const server = createServer(
    {
      ...RECEIVE_LIMITS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Some HTTP clients offer h2c on every request; those are ordinary requests here.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    },
    handler,
  )
  server.maxConnections = MAX_CONNECTIONS
  return server
}

function listen(server: NetServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(
        error.code === 'EADDRINUSE'
          ? new HeadgateError('PORT_IN_USE', { host, port }, { cause: error })
          : new HeadgateError('OPTION_INVALID', { option: 'port', why: messageOf(error) }),
      )
    }
    server.once('error', onError)
    server.listen({ host, port }, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

function malformed(error: Error & { readonly code?: string }): HeadgateError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new HeadgateError('HTTP_HEADERS_TOO_LARGE', { limit: MAX_HEADER_BYTES })
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new HeadgateError('HTTP_TIMEOUT')
  return new HeadgateError('HTTP_MALFORMED', { why: messageOf(error) })
}
