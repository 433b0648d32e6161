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
import { type ThreadGrants, permissionArguments } from './permissions.ts'

const ABANDON_MS = 5_000
/** A thread may not use piscina's own channel; a few stray messages are forgiven. */
const STRAY_MESSAGES = 16

/** V8 limits of the default class: what the spare and packages without own limits get. */
export const DEFAULT_LIMITS: PackageResourceLimits = Object.freeze({ maxOldGenerationSizeMb: 512 })

export interface HostOptions {
  /** Absolute path of a folder of its own; created, and removed when the host ends. */
  readonly slotDir: string
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
  #strays = 0
  #destroyed: Promise<void> | undefined
  #onStray: (why: string) => void = () => {}

  constructor(options: HostOptions) {
    this.slotDir = options.slotDir
    this.concurrency = options.concurrency
    this.#options = options
    mkdirSync(options.slotDir, { recursive: true })
    this.#pool = new Piscina({
      filename: new URL('./thread/entry.ts', import.meta.url).href,
      name: 'serveLane',
      minThreads: options.threads,
      // One more, so that a replacement can start before the thread it replaces is ended.
      maxThreads: options.threads + 1,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      // A lane never ends: waiting in Atomics between tasks would stop the thread's event loop.
      atomics: 'disabled',
      recordTiming: false,
      env: {},
      argv: [],
      resourceLimits: { ...DEFAULT_LIMITS, ...options.resourceLimits },
      execArgv:
        options.permissions === 'on' ? permissionArguments(options.slotDir, options.grants) : [],
    })
    // What a thread does between two lanes (a late throw) must not reach the process.
    this.#pool.on('error', () => {})
    this.#pool.on('message', () => {
      if (++this.#strays === STRAY_MESSAGES) this.#onStray('messages outside its lane')
    })
  }

  get threads(): number {
    return this.#destroyed === undefined ? this.#pool.threads.length : 0
  }

  onStray(listener: (why: string) => void): void {
    this.#onStray = listener
  }

  openLane(upcalls: LaneUpcalls): HostedLane {
    const { port1, port2 } = new MessageChannel()
    const slots = SlotTable.forSlots(this.concurrency)
    const timeBase = this.#options.clock.now()
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
      .run(
        { port: port2, slots: slots.buffer, timeBase },
        { transferList: [port2] as never, signal: abort.signal },
      )
      .then(
        () => 'the lane was closed',
        (error: unknown) => endReason(error),
      )
    return {
      lane,
      ended,
      identify: (threadId) => {
        worker = this.#pool.threads.find((thread) => thread.threadId === threadId)
      },
      kill: () => {
        if (worker !== undefined) void this.#watchEnd([worker])
        abort.abort()
      },
    }
  }

  /** Ends all threads and removes the slot folder. Idempotent. */
  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy()
    return this.#destroyed
  }

  async #destroy(): Promise<void> {
    const threads = [...this.#pool.threads]
    const gone = this.#watchEnd(threads)
    const destroyed = this.#pool.destroy().catch(() => {})
    await Promise.race([destroyed, gone])
    await rm(this.slotDir, { recursive: true, force: true })
  }

  /** Counts those of `workers` that have not ended after ABANDON_MS; resolves when all is known. */
  #watchEnd(workers: readonly Worker[]): Promise<void> {
    const waits = workers.map(
      (worker) =>
        new Promise<void>((resolve) => {
          const timer = this.#options.clock.after(ABANDON_MS, () => {
            this.#options.onAbandoned()
            resolve()
          })
          worker.once('exit', () => {
            timer.cancel()
            resolve()
          })
        }),
    )
    return Promise.all(waits).then(() => {})
  }
}

function endReason(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory'
  const name = (error as { name?: unknown } | null)?.name
  return name === 'AbortError' ? 'ended by the executor' : messageOf(error)
}
