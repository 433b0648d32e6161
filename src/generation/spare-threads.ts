/**
 * One worker thread kept ready for the next version: spawned, thread entry imported, lane open,
 * allowed to read an empty slot folder of its own.
 *
 * P1  Limits and permissions are fixed at spawn, so the spare serves only the default class
 *     (domain/thread-class.ts).
 * P2  A spare that ends by itself, or cannot be started, is replaced at the next refill, not in a
 *     loop: without one the next version starts its thread cold.
 * P3  After a swap the next spare waits: its start would take the cores that the new version needs
 *     while V8 compiles its code. A drop in that time starts its thread cold, some 25 ms later.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { HandshakeInbox } from './bring-up.ts'
import type { LaneUpcalls } from './lane.ts'
import type { WorkerMessage } from '../protocol/lane-messages.ts'
import type { HostedLane, ThreadHost } from './thread-host.ts'

/** The first thread of a generation, before or after it took a package. */
export interface WarmThread {
  readonly host: ThreadHost
  readonly hosted: HostedLane
  readonly inbox: HandshakeInbox
  /** Where the lane's upcalls go; a generation takes it over with the thread. */
  readonly relay: UpcallRelay
}

/** Upcalls of a lane whose owner is found later. */
export class UpcallRelay implements LaneUpcalls {
  target: LaneUpcalls | undefined
  readonly #inbox: HandshakeInbox

  constructor(inbox: HandshakeInbox) {
    this.#inbox = inbox
  }

  released(...args: Parameters<LaneUpcalls['released']>): void {
    this.target?.released(...args)
  }

  ran(...args: Parameters<LaneUpcalls['ran']>): void {
    this.target?.ran(...args)
  }

  room(): void {
    this.target?.room()
  }

  message(message: WorkerMessage): void {
    if (!this.#inbox.put(message)) this.target?.message(message)
  }

  violation(why: string): void {
    this.target?.violation(why)
  }
}

/** `rehearsal`: see ThreadHost.openLane(). */
export function openWarmThread(host: ThreadHost, rehearsal = false): WarmThread {
  const inbox = new HandshakeInbox()
  const relay = new UpcallRelay(inbox)
  return { host, hosted: host.openLane(relay, rehearsal), inbox, relay }
}

/** P3 */
const REFILL_AFTER_MS = 1000

export class SpareThreads {
  readonly #createHost: () => ThreadHost
  readonly #enabled: boolean
  readonly #clock: Clock
  readonly #onReady: (slotDir: string) => void
  readonly #onFault: (error: unknown) => void
  #timer: Timer | undefined
  #ready: WarmThread | undefined
  #starting: Promise<void> | undefined
  /** Has not said hello yet. */
  #opening: WarmThread | undefined
  #closed = false

  constructor(options: {
    readonly createHost: () => ThreadHost
    readonly enabled: boolean
    readonly clock: Clock
    /** A version put into this folder finds a thread that may read it. */
    readonly onReady: (slotDir: string) => void
    /** None can be started for now (a full disk has no room for its slot folder). */
    readonly onFault: (error: unknown) => void
  }) {
    this.#createHost = options.createHost
    this.#enabled = options.enabled
    this.#clock = options.clock
    this.#onReady = options.onReady
    this.#onFault = options.onFault
  }

  get state(): 'ready' | 'starting' | 'off' {
    if (this.#ready !== undefined) return 'ready'
    return this.#starting === undefined ? 'off' : 'starting'
  }

  get threads(): number {
    return this.#ready?.host.threads ?? 0
  }

  /** The spare thread, which is then the caller's; undefined when none is ready. */
  take(): WarmThread | undefined {
    const warm = this.#ready
    this.#ready = undefined
    return warm
  }

  /** Starts a spare unless there is one. Resolves when it is ready or has failed; never rejects. */
  refill(): Promise<void> {
    if (!this.#enabled || this.#closed || this.#ready !== undefined) return Promise.resolve()
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  /** P3; called again before then it changes nothing. */
  refillLater(): void {
    this.#timer ??= this.#clock.after(REFILL_AFTER_MS, () => {
      this.#timer = undefined
      void this.refill()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#opening?.hosted.kill()
    await this.#starting
    const warm = this.take()
    warm?.hosted.lane.close()
    await warm?.host.destroy()
  }

  async #start(): Promise<void> {
    let warm: WarmThread
    try {
      warm = openWarmThread(this.#createHost(), true)
    } catch (error) {
      this.#onFault(error)
      return
    }
    this.#opening = warm
    const hello = await Promise.race([warm.inbox.next(), warm.hosted.ended])
    this.#opening = undefined
    if (typeof hello === 'string' || hello.type !== 'hello') {
      if (typeof hello === 'string' && !this.#closed) this.#onFault(new Error(hello))
      warm.hosted.lane.close()
      await warm.host.destroy()
      return
    }
    warm.hosted.identify(hello.threadId)
    this.#ready = warm
    this.#onReady(warm.host.slotDir)
    void warm.hosted.ended.then(async () => {
      if (this.#ready !== warm) return
      this.#ready = undefined
      await warm.host.destroy()
    })
  }
}
