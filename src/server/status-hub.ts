/**
 * The status stream: all its sockets, and when they are flushed.
 *
 * Owns: the upgrade, the limit of clients, the flush and tick timers, the executor's listeners.
 * Does not own: one socket (status-client.ts), rows (status-sources.ts), the control log's tail
 * (control-feed.ts).
 *
 * H1  State is flushed at most every FLUSH_MS, however often it changes.
 * H2  No timer runs while there is no client.
 * H3  The error listener is on a socket before anything else can happen to it.
 */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock, Timer } from '../base/clock.ts'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { printable } from '../domain/names.ts'
import { STATUS_PATH, STATUS_PROTOCOL } from '../protocol/topics.ts'
import { ControlFeed } from './control-feed.ts'
import type { ServerContext } from './http-route.ts'
import { refuseSocket } from './problem-reply.ts'
import { StatusClient } from './status-client.ts'
import { ReceiptsSource } from './receipts-source.ts'
import { ExecutorSource, PackagesSource } from './status-sources.ts'

const FLUSH_MS = 100
const TICK_MS = 500
/** Told to clients as the heartbeat is 5 s; a bookmark comes a little earlier. */
const HEARTBEAT_MS = 5_000
const TICKS_PER_BOOKMARK = 9
const MAX_CLIENTS = 256
const RETRY_AFTER_MS = 1_000
const GOING_AWAY = 1001

const SOCKET_LIMITS = {
  noServer: true,
  perMessageDeflate: false,
  maxPayload: 64 * 1024,
  maxFragments: 64,
  maxBufferedChunks: 1_024,
  clientTracking: false,
} as const

export class StatusHub {
  readonly #context: ServerContext
  readonly #clock: Clock
  readonly #upgrader: WebSocketServer
  readonly #clients = new Map<WebSocket, StatusClient>()
  readonly #feed: ControlFeed
  readonly #sources: {
    readonly executor: ExecutorSource
    readonly packages: PackagesSource
    readonly receipts: ReceiptsSource
  }
  readonly #off: (() => void)[] = []
  #flushTimer: Timer | undefined
  #lastFlush = Number.NEGATIVE_INFINITY
  #tickTimer: Timer | undefined
  #ticks = 0
  #closed = false
  #onEmpty: (() => void) | undefined

  constructor(context: ServerContext) {
    this.#context = context
    this.#clock = context.clock
    const { executor } = context
    this.#feed = new ControlFeed(executor)
    this.#sources = {
      executor: new ExecutorSource(executor),
      packages: new PackagesSource(executor),
      receipts: new ReceiptsSource(executor),
    }
    this.#upgrader = new WebSocketServer({
      ...SOCKET_LIMITS,
      handleProtocols: (offered) => (offered.has(STATUS_PROTOCOL) ? STATUS_PROTOCOL : false),
    })
    this.#upgrader.on('wsClientError', (error, socket) => {
      refuseSocket(socket, new HeadgateError('WS_PROTOCOL', { why: messageOf(error) }))
    })
  }

  /** Listens to the executor and finds the end of the control log. */
  async start(): Promise<void> {
    const { events } = this.#context.executor
    const { executor, packages, receipts } = this.#sources
    this.#off.push(
      events.on('control', (entry) => {
        this.#feed.push(entry)
        this.#schedule()
      }),
      events.on('package', (name) => {
        const watched = [packages.mark(name), executor.mark()]
        if (watched.includes(true)) this.#schedule()
      }),
      events.on('receipt', (receipt) => {
        if (receipts.add(receipt)) this.#schedule()
      }),
      events.on('state', () => {
        if (executor.mark()) this.#schedule()
      }),
    )
    await this.#feed.start()
  }

  /** An upgrade that passed the gate. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refused = this.#refusal(request)
    if (refused !== null) {
      refuseSocket(socket, refused)
      return
    }
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => this.#connect(webSocket))
  }

  /** Says goodbye to every client and resolves when all sockets have ended. */
  async close(reason: string): Promise<void> {
    this.#closed = true
    for (const off of this.#off) off()
    for (const client of this.#clients.values()) {
      client.send({ type: 'bye', reason, retryAfterMs: RETRY_AFTER_MS })
      client.close(GOING_AWAY, 'bye')
    }
    if (this.#clients.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve
      })
    }
    this.#stopTimers()
  }

  #refusal(request: IncomingMessage): HeadgateError | null {
    const path = request.url?.split('?', 1)[0] ?? ''
    if (path !== STATUS_PATH) return new HeadgateError('HTTP_NOT_FOUND', { path: printable(path) })
    if (this.#closed || this.#context.isClosing()) return new HeadgateError('EXECUTOR_CLOSING')
    if (this.#clients.size >= MAX_CLIENTS) {
      return new HeadgateError('STATUS_FULL', { limit: MAX_CLIENTS })
    }
    const offered = request.headers['sec-websocket-protocol'] ?? ''
    if (offered.split(',').some((name) => name.trim() === STATUS_PROTOCOL)) return null
    return new HeadgateError('WS_PROTOCOL', {
      why: `the subprotocol is ${STATUS_PROTOCOL}, offered was ${printable(offered)}`,
    })
  }

  #connect(socket: WebSocket): void {
    // A bad frame is an error event; ws closes the socket itself (H3).
    socket.on('error', () => {})
    const client = new StatusClient({
      socket,
      clock: this.#clock,
      logger: this.#context.logger,
      boot: this.#context.executor.status().boot,
      feed: this.#feed,
      sources: this.#sources,
      onPending: () => this.#schedule(),
    })
    this.#clients.set(socket, client)
    socket.on('close', () => this.#disconnect(socket, client))
    client.send({
      type: 'hello',
      boot: this.#context.executor.status().boot,
      seq: this.#feed.head,
      now: this.#clock.now(),
      heartbeatMs: HEARTBEAT_MS,
      version: this.#context.version,
    })
    this.#tickTimer ??= this.#clock.after(TICK_MS, () => this.#tick())
  }

  #disconnect(socket: WebSocket, client: StatusClient): void {
    client.dispose()
    this.#clients.delete(socket)
    if (this.#clients.size > 0) return
    this.#stopTimers()
    this.#onEmpty?.()
  }

  #schedule(): void {
    if (this.#clients.size === 0 || this.#flushTimer !== undefined) return
    const wait = Math.max(0, this.#lastFlush + FLUSH_MS - this.#clock.monotonic())
    this.#flushTimer = this.#clock.after(wait, () => this.#flush())
  }

  #flush(): void {
    this.#flushTimer = undefined
    this.#lastFlush = this.#clock.monotonic()
    this.#guarded(() => {
      for (const source of Object.values(this.#sources)) source.flush()
    })
    let pending = false
    for (const client of this.#clients.values()) if (client.pump()) pending = true
    if (pending) this.#schedule()
  }

  #tick(): void {
    this.#tickTimer = this.#clock.after(TICK_MS, () => this.#tick())
    this.#ticks += 1
    this.#guarded(() => {
      for (const source of Object.values(this.#sources)) source.refresh()
    })
    const isBookmark = this.#ticks % TICKS_PER_BOOKMARK === 0
    for (const client of this.#clients.values()) {
      client.tick()
      if (isBookmark) client.bookmark()
    }
    this.#schedule()
  }

  /** A row that cannot be read must not end the stream for everyone. */
  #guarded(read: () => void): void {
    try {
      read()
    } catch (err) {
      this.#context.logger.error({ err }, 'the status stream could not read the executor')
    }
  }

  #stopTimers(): void {
    this.#flushTimer?.cancel()
    this.#tickTimer?.cancel()
    this.#flushTimer = undefined
    this.#tickTimer = undefined
  }
}
