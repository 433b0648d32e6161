/**
 * The connection behind all watches of one client: one WebSocket, opened with the first watch and
 * closed with the last, reconnected as long as there is one.
 *
 * Owns: the socket, reconnecting, liveness, ids of subscriptions.
 * Does not own: what the frames mean (topic-view.ts).
 *
 * X1  What an earlier socket still says is void.
 * X2  A socket that is silent for three heartbeats is dead, whatever its state says.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import type { Problem } from '../protocol/problem.ts'
import { fromProblem } from '../protocol/problem-record.ts'
import type { ServerFrame } from '../protocol/status-stream.ts'
import { STATUS_PATH, STATUS_PROTOCOL } from '../protocol/topics.ts'
import { backoffMs } from './backoff.ts'
import type { FrameSink } from './topic-view.ts'

export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live'; readonly boot: string; readonly version: string }
  /** What is shown is old from here on. */
  | { readonly kind: 'waiting'; readonly retryInMs: number; readonly why: string }

export interface StatusStreamOptions {
  /** Of the executor, `http://…`. */
  readonly url: string
  readonly clock: Clock
  readonly random: () => number
}

interface Watch {
  readonly view: FrameSink
  readonly reject: (error: HeadgateError) => void
  readonly onState: (state: ConnectionState) => void
}

/** Before hello says better. */
const FIRST_HEARTBEAT_MS = 5_000

export class StatusStream {
  readonly #options: StatusStreamOptions
  readonly #watches = new Map<string, Watch>()
  #socket: WebSocket | undefined
  #timer: Timer | undefined
  #attempt = 0
  #nextId = 1
  #boot = ''
  #heartbeatMs = FIRST_HEARTBEAT_MS
  #state: ConnectionState = { kind: 'connecting' }

  constructor(options: StatusStreamOptions) {
    this.#options = options
  }

  /**
   * Feeds the view until the signal aborts, then resolves. Rejects when the executor refuses the
   * subscription; a lost connection is no reason.
   */
  watch(
    view: FrameSink,
    signal: AbortSignal,
    onState: (state: ConnectionState) => void = () => {},
  ): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const watch: Watch = { view, reject, onState }
    const onAbort = (): void => {
      this.#remove(watch)
      resolve()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#add(watch)
    return promise.finally(() => {
      signal.removeEventListener('abort', onAbort)
      this.#remove(watch)
    })
  }

  #add(watch: Watch): void {
    const id = this.#newId()
    this.#watches.set(id, watch)
    if (this.#socket === undefined && this.#timer === undefined) {
      this.#connect()
      return
    }
    watch.onState(this.#state)
    if (this.#state.kind === 'live') this.#send(watch.view.subscribe(id))
  }

  #remove(watch: Watch): void {
    for (const [id, other] of this.#watches) {
      if (other !== watch) continue
      this.#watches.delete(id)
      if (this.#state.kind === 'live') this.#send(JSON.stringify({ type: 'unsubscribe', id }))
    }
    if (this.#watches.size === 0) this.#disconnect()
  }

  #connect(): void {
    this.#setState({ kind: 'connecting' })
    const url = new URL(STATUS_PATH, this.#options.url)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = new WebSocket(url, STATUS_PROTOCOL)
    this.#socket = socket
    const current = (): boolean => this.#socket === socket
    socket.addEventListener('message', (event) => {
      if (current()) this.#receive(String(event.data))
    })
    socket.addEventListener('close', (event) => {
      if (current()) this.#lost(event.reason || `closed with ${event.code}`)
    })
    // The close event that follows says all there is to say.
    socket.addEventListener('error', () => {})
    this.#watchSilence()
  }

  #disconnect(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const socket = this.#socket
    this.#socket = undefined
    this.#attempt = 0
    this.#state = { kind: 'connecting' }
    socket?.close()
  }

  #lost(why: string, atLeastMs = 0): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
    this.#timer?.cancel()
    const wait = Math.max(atLeastMs, backoffMs(this.#attempt, this.#options.random))
    this.#attempt += 1
    this.#timer = this.#after(wait, () => {
      this.#timer = undefined
      this.#connect()
    })
    this.#setState({ kind: 'waiting', retryInMs: wait, why })
  }

  #watchSilence(): void {
    this.#timer?.cancel()
    this.#timer = this.#after(3 * this.#heartbeatMs, () => this.#lost('silent for too long'))
  }

  #receive(text: string): void {
    const frame = JSON.parse(text) as ServerFrame
    this.#watchSilence()
    switch (frame.type) {
      case 'hello':
        this.#boot = frame.boot
        this.#heartbeatMs = frame.heartbeatMs
        this.#attempt = 0
        this.#setState({ kind: 'live', boot: frame.boot, version: frame.version })
        for (const watch of [...this.#watches.values()]) this.#subscribeAgain(watch)
        return
      case 'bookmark':
        for (const { view } of this.#watches.values()) view.bookmark(frame.seq)
        return
      case 'bye':
        this.#lost(frame.reason, frame.retryAfterMs)
        return
      case 'error':
        this.#refused(frame)
        return
      case 'pong':
        return
      default: {
        const watch = this.#watches.get(frame.id)
        if (watch === undefined) return
        if (watch.view.apply(frame, this.#boot) === 'applied') return
        this.#send(JSON.stringify({ type: 'unsubscribe', id: frame.id }))
        this.#subscribeAgain(watch)
      }
    }
  }

  /** Under a new id, so that frames on their way under the old one are void. */
  #subscribeAgain(watch: Watch): void {
    for (const [id, other] of this.#watches) if (other === watch) this.#watches.delete(id)
    const id = this.#newId()
    this.#watches.set(id, watch)
    this.#send(watch.view.subscribe(id))
  }

  #refused(frame: Extract<ServerFrame, { type: 'error' }>): void {
    const problem: Problem = { ...frame, type: `urn:headgate:error:${frame.code}` }
    const watch = frame.id === null ? undefined : this.#watches.get(frame.id)
    if (watch === undefined) return
    if (frame.retryable) this.#lost(frame.detail)
    else watch.reject(HeadgateError.fromRecord(fromProblem(problem)))
  }

  #send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text)
  }

  #setState(state: ConnectionState): void {
    this.#state = state
    for (const watch of this.#watches.values()) watch.onState(state)
  }

  #newId(): string {
    const id = `w${this.#nextId}`
    this.#nextId += 1
    return id
  }

  /** Browsers' timers are numbers without unref, so every timer here keeps a process alive. */
  #after(ms: number, fn: () => void): Timer {
    return this.#options.clock.after(ms, fn, { keepAlive: true })
  }
}
