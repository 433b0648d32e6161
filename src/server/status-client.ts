/**
 * One socket of the status stream.
 *
 * Owns: its subscriptions, reading its frames, back-pressure, pings.
 * Does not own: when to flush (status-hub.ts), what a frame says (the subscriptions).
 *
 * K1  Nothing is sent while more than SOFT_BYTES wait in this process for the client; what changed
 *     meanwhile is remembered as keys only.
 * K2  A client that was behind for RESYNC_MS gets fresh snapshots; one that is behind for CUT_MS, or
 *     by HARD_BYTES, is closed with 1013.
 * K3  A refused frame is answered with an error frame; after MAX_FAULTS of them the socket closes.
 */

import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../base/clock.ts'
import { type HeadgateError, toHeadgateError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { didYouMean } from '../base/nearest.ts'
import { printable } from '../domain/names.ts'
import { toProblem } from '../protocol/problem-record.ts'
import type { ClientFrame, ServerFrame, SubscribeFrame } from '../protocol/status-stream.ts'
import { isTopic, TOPICS } from '../protocol/topics.ts'
import { idOf, parseFrame, parseJson, refused } from './client-frames.ts'
import { type ControlFeed, ControlSubscription } from './control-feed.ts'
import { publicError } from './problem-reply.ts'
import { StateSubscription } from './state-subscription.ts'
import type { StatusSource } from './status-sources.ts'

export interface StatusClientOptions {
  readonly socket: WebSocket
  readonly clock: Clock
  readonly logger: Logger
  readonly boot: string
  readonly feed: ControlFeed
  readonly sources: Readonly<Record<'executor' | 'packages' | 'receipts', StatusSource>>
  /** The client has something to send that must wait: flush again. */
  readonly onPending: () => void
}

const SOFT_BYTES = 256 * 1024
const HARD_BYTES = 4 * 1024 * 1024
const RESYNC_MS = 5_000
const CUT_MS = 30_000
const PING_MS = 15_000
const CLOSE_GRACE_MS = 1_000
const MAX_SUBSCRIPTIONS = 32
const MAX_FAULTS = 10
const MAX_FRAMES_PER_TICK = 100
const HIGHEST_HZ = 10

const TRY_AGAIN_LATER = 1013
const POLICY_VIOLATION = 1008

type Subscription = StateSubscription | ControlSubscription

export class StatusClient {
  readonly #options: StatusClientOptions
  readonly #socket: WebSocket
  readonly #clock: Clock
  readonly #subscriptions = new Map<string, Subscription>()
  #behindSince: number | null = null
  #nextPingAt: number
  #unansweredPings = 0
  #faults = 0
  #framesThisTick = 0

  constructor(options: StatusClientOptions) {
    this.#options = options
    this.#socket = options.socket
    this.#clock = options.clock
    this.#nextPingAt = this.#clock.monotonic() + PING_MS
    this.#socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    this.#socket.on('pong', () => {
      this.#unansweredPings = 0
    })
  }

  /** Sends what the socket can take. True: more is waiting. */
  pump(): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return false
    const monotonic = this.#clock.monotonic()
    const now = this.#clock.now()
    for (let progress = true; progress; ) {
      progress = false
      for (const subscription of this.#subscriptions.values()) {
        if (this.#isBehind()) return this.#pending()
        const frame = subscription.next(monotonic, now)
        if (frame === null) continue
        this.#write(frame)
        progress = true
      }
    }
    return this.#pending()
  }

  /** Twice a second: limits, pings. */
  tick(): void {
    this.#framesThisTick = 0
    const monotonic = this.#clock.monotonic()
    if (this.#isBehind() && monotonic - (this.#behindSince ?? monotonic) > CUT_MS) {
      this.close(TRY_AGAIN_LATER, 'too slow')
      return
    }
    if (monotonic < this.#nextPingAt) return
    this.#nextPingAt = monotonic + PING_MS
    if (this.#unansweredPings >= 2) {
      this.#socket.terminate()
      return
    }
    this.#unansweredPings += 1
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping()
  }

  bookmark(): void {
    if (this.#isBehind()) return
    let seq = this.#options.feed.head
    for (const subscription of this.#subscriptions.values()) {
      if (subscription instanceof ControlSubscription) seq = Math.min(seq, subscription.settled)
    }
    this.send({ type: 'bookmark', seq, now: this.#clock.now() })
  }

  send(frame: ServerFrame): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#write(JSON.stringify(frame))
  }

  /** Asks for the closing handshake and does not wait for it for ever. */
  close(code: number, reason: string): void {
    this.dispose()
    this.#socket.close(code, reason)
    const timer = this.#clock.after(CLOSE_GRACE_MS, () => this.#socket.terminate())
    this.#socket.once('close', () => timer.cancel())
  }

  /** The socket has ended or will: no subscription outlives it. */
  dispose(): void {
    for (const subscription of this.#subscriptions.values()) subscription.close()
    this.#subscriptions.clear()
  }

  #pending(): boolean {
    for (const subscription of this.#subscriptions.values()) if (subscription.pending) return true
    return false
  }

  #write(text: string): void {
    this.#socket.send(text, (error) => {
      // After a long frame the rest goes on as soon as the system took it, not at the next flush.
      if (error == null && this.#behindSince !== null && this.pump()) this.#options.onPending()
    })
  }

  /** Whether the client must not get more now (K1, K2). */
  #isBehind(): boolean {
    const waiting = this.#socket.bufferedAmount
    const monotonic = this.#clock.monotonic()
    if (waiting > HARD_BYTES) {
      this.close(TRY_AGAIN_LATER, 'too slow')
      return true
    }
    if (waiting > SOFT_BYTES) {
      this.#behindSince ??= monotonic
      return true
    }
    if (this.#behindSince !== null) {
      const behindFor = monotonic - this.#behindSince
      this.#behindSince = null
      if (behindFor > RESYNC_MS) this.#resync()
    }
    return false
  }

  #resync(): void {
    for (const subscription of this.#subscriptions.values()) {
      if (!(subscription instanceof StateSubscription)) continue
      const gone = subscription.restart('the connection was too slow')
      if (gone !== null) this.#write(gone)
    }
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#framesThisTick += 1
    if (this.#framesThisTick > MAX_FRAMES_PER_TICK) {
      this.close(POLICY_VIOLATION, 'too many frames')
      return
    }
    let id: string | null = null
    try {
      const value = parseJson(data, isBinary)
      id = idOf(value)
      this.#obey(parseFrame(value))
    } catch (error) {
      this.#refuse(error, id)
    }
  }

  #obey(frame: ClientFrame): void {
    switch (frame.type) {
      case 'subscribe':
        this.#subscribe(frame)
        return
      case 'unsubscribe': {
        const subscription = this.#subscriptions.get(frame.id)
        if (subscription === undefined) throw refused(`there is no subscription ${frame.id}`)
        this.#drop(subscription)
        return
      }
      case 'ping':
        if (!this.#isBehind()) {
          this.send({ type: 'pong', t: frame.t ?? null, now: this.#clock.now() })
        }
    }
  }

  #subscribe(frame: SubscribeFrame): void {
    const { id, topic } = frame
    if (this.#subscriptions.has(id)) throw refused(`subscription ${printable(id)} exists already`)
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
      throw refused(`a connection has at most ${MAX_SUBSCRIPTIONS} subscriptions`)
    }
    if (!isTopic(topic)) {
      const known = `the topics are ${TOPICS.join(', ')}${didYouMean(topic, TOPICS)}`
      throw refused(`there is no topic ${printable(topic)}; ${known}`)
    }
    if (topic === 'control') this.#subscribeControl(frame)
    else if (frame.since !== undefined) throw refused(`topic ${topic} has no since`)
    else this.#subscribeState(frame, this.#options.sources[topic])
  }

  #subscribeState(frame: SubscribeFrame, source: StatusSource): void {
    const filter = frame.filter ?? {}
    const topic = source.topicFor(filter)
    const subscription = new StateSubscription({
      id: frame.id,
      topic,
      filter,
      gapMs: 1_000 / (frame.maxHz ?? HIGHEST_HZ),
      boot: this.#options.boot,
    })
    this.#subscriptions.set(frame.id, subscription)
    source.load(topic).then(
      () => {
        subscription.begin()
        this.#pumpNow()
      },
      (error: unknown) => this.#fail(subscription, error),
    )
  }

  #subscribeControl(frame: SubscribeFrame): void {
    const { feed } = this.#options
    // A log that is shorter than what the client knows is another log.
    const isForeign = frame.since !== undefined && frame.since > feed.head
    const subscription: ControlSubscription = new ControlSubscription({
      id: frame.id,
      feed,
      filter: frame.filter ?? {},
      since: isForeign ? feed.head : (frame.since ?? feed.head),
      onPage: () => {
        if (subscription.failure === undefined) this.#pumpNow()
        else this.#fail(subscription, subscription.failure)
      },
    })
    this.#subscriptions.set(frame.id, subscription)
    if (isForeign) {
      const reason = `since ${frame.since} is beyond the log, which ends at ${feed.head}`
      this.send({ type: 'gone', id: frame.id, reason })
    }
    this.#pumpNow()
    this.bookmark()
  }

  #pumpNow(): void {
    if (this.pump()) this.#options.onPending()
  }

  #fail(subscription: Subscription, error: unknown): void {
    if (this.#subscriptions.get(subscription.id) !== subscription) return
    this.#drop(subscription)
    const shown = publicError(error, this.#options.logger, 'status stream')
    this.#sendError(shown, subscription.id)
  }

  #drop(subscription: Subscription): void {
    subscription.close()
    this.#subscriptions.delete(subscription.id)
  }

  #refuse(error: unknown, id: string | null): void {
    this.#faults += 1
    this.#sendError(toHeadgateError(error), id)
    if (this.#faults >= MAX_FAULTS) this.close(POLICY_VIOLATION, 'too many refused frames')
  }

  #sendError(error: HeadgateError, id: string | null): void {
    this.send({ ...toProblem(error.toRecord()), type: 'error', id })
  }
}
