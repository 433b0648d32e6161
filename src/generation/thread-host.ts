/**
 * The worker threads of one generation: a piscina pool whose every worker runs one endless task, the
 * lane.
 *
 * Owns: spawning, limits, permissions, the slot folder, noticing that a thread ended, ending it.
 * Does not own: what travels through a lane (lane.ts), when to replace a thread (generation.ts).
 *
 * H1  pool.close() is never called: in piscina 5 it kills running tasks.
 * H2  A thread that does not end within ABANDON_MS of terminate() (a blocked system call) is counted
 *     as abandoned; nothing waits for it any longer.
 * H3  A thread is spawned by openLane() alone, never by piscina's own count: it would start a thread
 *     for each one that ends, also after destroy().
 */

import { rm } from 'node:fs/promises'
import { mkdirSync } from 'node:fs'
import { MessageChannel, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { PackageResourceLimits } from '../domain/package-json.ts'
import { SlotTable } from '../protocol/lane-layout.ts'
import { Lane, type LaneUpcalls } from './lane.ts'
import type { LaneStart } from './thread/entry.ts'
import { type ThreadGrants, permissionArguments } from './permissions.ts'
import { SlotLevels } from './slot-levels.ts'
import type { ThreadCode } from './thread-code.ts'

const ABANDON_MS = 5_000
/** A thread may not use the channel of its Worker; a few stray messages are forgiven. */
const STRAY_MESSAGES = 16

/** What Worker.threadId says after the thread's exit. */
const ENDED = -1

/** V8 limits of the default class: what the spare and packages without own limits get. */
export const DEFAULT_LIMITS: PackageResourceLimits = Object.freeze({ maxOldGenerationSizeMb: 512 })

export interface HostOptions {
  /** Absolute path of a folder of its own; created, and removed when the host ends. */
  readonly slotDir: string
  readonly code: ThreadCode
  readonly threads: number
  readonly concurrency: number
  readonly resourceLimits: PackageResourceLimits
  readonly permissions: 'on' | 'off'
  readonly grants: ThreadGrants
  readonly clock: Clock
  /** A thread did not end (H2). */
  readonly onAbandoned: () => void
}

/** A lane with the thread behind it. */
export interface HostedLane {
  readonly lane: Lane
  /** Settles when the thread's lane function returned or the thread ended, with the reason. */
  readonly ended: Promise<string>
  /** Tells which thread runs the lane; it says so in its hello. */
  identify(threadId: number): void
  /** Ends the thread now, whatever it does. */
  kill(): void
}

export class ThreadHost {
  readonly slotDir: string
  readonly concurrency: number
  readonly #options: HostOptions
  readonly #pool: Piscina
  /** Threads told to end whose end is not known yet. */
  readonly #ends = new Map<Worker, Promise<void>>()
  #destroyed: Promise<void> | undefined

  constructor(options: HostOptions) {
    this.slotDir = options.slotDir
    this.concurrency = options.concurrency
    this.#options = options
    mkdirSync(options.slotDir, { recursive: true })
    this.#pool = new Piscina({
      filename: options.code.entry,
      name: 'serveLane',
      // H3
      minThreads: 0,
      // Each has a replacement before it is ended, all of them at one time at worst. What piscina
      // has no thread for would wait for ever: it looks at its queue no more when a thread ends.
      maxThreads: 2 * options.threads,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      // A lane never ends: waiting in Atomics between tasks would stop the thread's event loop.
      atomics: 'disabled',
      recordTiming: false,
      env: {},
      argv: [],
      resourceLimits: { ...DEFAULT_LIMITS, ...options.resourceLimits },
      execArgv:
        options.permissions === 'on'
          ? permissionArguments(options.slotDir, options.code.folder, options.grants)
          : [],
    })
    // What a thread does between two lanes (a late throw) must not reach the process.
    this.#pool.on('error', () => {})
  }

  get threads(): number {
    return this.#destroyed === undefined ? this.#pool.threads.length : 0
  }

  /** `rehearsal`: the thread says hello only when its own code is compiled. */
  openLane(upcalls: LaneUpcalls, rehearsal = false): HostedLane {
    const { port1, port2 } = new MessageChannel()
    const slots = SlotTable.forSlots(new SlotLevels(this.concurrency).slots)
    const timeBase = this.#options.clock.now()
    const { sdk } = this.#options.code
    const abort = new AbortController()
    const lane = new Lane({
      port: port1,
      concurrency: this.concurrency,
      slots,
      timeBase,
      clock: this.#options.clock,
      upcalls,
    })
    let worker: Worker | undefined
    const ended = this.#pool
      // piscina infers the type of a transfer list from another overload of postMessage.
      .run({ port: port2, slots: slots.buffer, timeBase, sdk, rehearsal } satisfies LaneStart, {
        transferList: [port2] as never,
        signal: abort.signal,
      })
      .then(
        () => 'the lane was closed',
        (error: unknown) => endReason(error),
      )
    return {
      lane,
      ended,
      identify: (threadId) => {
        worker = this.#pool.threads.find((thread) => thread.threadId === threadId)
        let strays = 0
        worker?.on('message', () => {
          if (++strays === STRAY_MESSAGES) upcalls.violation('messages outside its lane')
        })
      },
      kill: () => {
        if (worker !== undefined) this.#watchEnd(worker)
        abort.abort()
        // Where the lane function has returned the pool would keep the thread for the next lane.
        void worker?.terminate()
      },
    }
  }

  /** Ends all threads and removes the slot folder; waits for those ended before. Idempotent. */
  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy()
    return this.#destroyed
  }

  async #destroy(): Promise<void> {
    for (const worker of this.#pool.threads) this.#watchEnd(worker)
    void this.#pool.destroy().catch(() => {})
    await Promise.all(this.#ends.values())
    // What is left (a thread that writes there still) goes with the slots of this boot.
    await rm(this.slotDir, { recursive: true, force: true }).catch(() => {})
  }

  /** H2 */
  #watchEnd(worker: Worker): void {
    if (worker.threadId === ENDED || this.#ends.has(worker)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const known = (): void => {
      this.#ends.delete(worker)
      resolve()
    }
    const abandon = (): void => {
      this.#options.onAbandoned()
      known()
    }
    // Nothing else may keep the process alive while destroy() waits.
    const timer = this.#options.clock.after(ABANDON_MS, abandon, { keepAlive: true })
    worker.once('exit', () => {
      timer.cancel()
      known()
    })
    this.#ends.set(worker, promise)
  }
}

function endReason(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory'
  const name = (error as { name?: unknown } | null)?.name
  return name === 'AbortError' ? 'ended by the executor' : messageOf(error)
}
