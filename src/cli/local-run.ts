/**
 * Runs a workflow of a package in a thread of its own, without an executor.
 *
 * Owns: the thread's life, and what can only be done from outside it: ending code that blocks it.
 * Does not own: the run (local-run-thread.ts), what of it is shown (render-run.ts).
 *
 * L1  The thread has ended when the result is there.
 * L2  An attempt that has not ended BLOCKED_MS after its deadline blocks the thread: it is ended, and
 *     the run with it. So is one that has not ended GRACE_MS after an interrupt.
 */

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Clock, systemClock, type Timer } from '../base/clock.ts'
import { HeadgateError, messageOf } from '../base/errors.ts'
import type { AttemptBegun, RunEvent } from '../testing/run-events.ts'
import {
  type FromLocalThread,
  fromLocalThreadSchema,
  type LocalThreadData,
  type ToLocalThread,
} from './local-run-messages.ts'

const LOAD_MS = 30_000
const BLOCKED_MS = 1_000
const GRACE_MS = 5_000

export interface LocalRunOptions {
  readonly data: LocalThreadData
  /** Variables the package may see. */
  readonly env: Readonly<Record<string, string>>
  readonly observe: (event: RunEvent) => void
  /** Cancels the run. */
  readonly interrupt: AbortSignal
  readonly clock?: Clock
}

export type LocalResult = Pick<
  Extract<FromLocalThread, { type: 'ended' }>,
  'status' | 'answer' | 'outputs' | 'startedAt' | 'endedAt'
> & {
  /** null: it succeeded. */
  readonly error: HeadgateError | null
  /** What `teardown` threw. */
  readonly teardown: string | null
}

/** Throws what there is no run for: the reason why the package was refused, UNKNOWN_WORKFLOW, … */
export function runLocally(options: LocalRunOptions): Promise<LocalResult> {
  return new LocalRun(options).result()
}

class LocalRun {
  readonly #options: LocalRunOptions
  readonly #clock: Clock
  readonly #worker: Worker
  readonly #ended = Promise.withResolvers<Omit<LocalResult, 'teardown'>>()
  readonly #closed = Promise.withResolvers<string | null>()
  readonly #deadlines = new Map<string, { readonly timer: Timer; readonly begun: AttemptBegun }>()
  readonly #startedAt: number
  #ready = false
  #loading: Timer
  #why = 'it ended by itself'

  constructor(options: LocalRunOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#startedAt = this.#clock.now()
    const entry = new URL(`./local-run-thread${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(entry, {
      name: 'headgate-local',
      workerData: options.data,
      env: { ...options.env },
      execArgv: [],
    })
    this.#worker.on('message', (message: unknown) => this.#receive(message))
    this.#worker.on('error', (fault) => {
      this.#why = messageOf(fault)
    })
    this.#worker.on('exit', (code) => this.#exited(code))
    this.#loading = this.#clock.after(LOAD_MS, () => this.#fail(this.#loadTimeout()))
  }

  async result(): Promise<LocalResult> {
    const { interrupt } = this.#options
    const onInterrupt = (): void => this.#cancel(messageOf(interrupt.reason))
    if (interrupt.aborted) onInterrupt()
    else interrupt.addEventListener('abort', onInterrupt, { once: true })
    try {
      const result = await this.#ended.promise
      return { ...result, teardown: await this.#tornDown() }
    } finally {
      interrupt.removeEventListener('abort', onInterrupt)
      this.#loading.cancel()
      for (const { timer } of this.#deadlines.values()) timer.cancel()
      await this.#worker.terminate()
    }
  }

  async #tornDown(): Promise<string | null> {
    const late = this.#clock.after(GRACE_MS, () =>
      this.#closed.resolve(`it took longer than ${GRACE_MS} ms`),
    )
    const error = await this.#closed.promise
    late.cancel()
    return error
  }

  #receive(text: unknown): void {
    const parsed = fromLocalThreadSchema.safeParse(text)
    if (!parsed.success) {
      this.#fail(new HeadgateError('INTERNAL', { why: 'the thread broke the protocol' }))
      return
    }
    const message = parsed.data
    switch (message.type) {
      case 'ready':
        this.#ready = true
        this.#loading.cancel()
        break
      case 'event':
        this.#watch(message.event)
        this.#options.observe(message.event)
        break
      case 'refused':
        this.#fail(HeadgateError.fromRecord(message.error))
        break
      case 'ended': {
        const { status, answer, outputs, startedAt, endedAt } = message
        const error = message.error === null ? null : HeadgateError.fromRecord(message.error)
        this.#ended.resolve({ status, answer, outputs, startedAt, endedAt, error })
        break
      }
      case 'closed':
        this.#closed.resolve(message.error)
        break
    }
  }

  /** L2 */
  #watch(event: RunEvent): void {
    if (event.type !== 'begun' && event.type !== 'ended') return
    const key = `${event.run} ${event.task} ${event.attempt}`
    if (event.type === 'ended') {
      this.#deadlines.get(key)?.timer.cancel()
      this.#deadlines.delete(key)
      return
    }
    const { timeoutMs } = event
    const timer = this.#clock.after(timeoutMs + BLOCKED_MS, () => {
      const task = taskName(event)
      this.#end('failed', new HeadgateError('TASK_TIMEOUT', { task, timeoutMs }))
    })
    this.#deadlines.set(key, { timer, begun: event })
  }

  #cancel(reason: string): void {
    const aborted = new HeadgateError('TASK_ABORTED', { why: reason })
    if (!this.#ready) {
      this.#fail(aborted)
      return
    }
    this.#worker.postMessage({ type: 'cancel', reason } satisfies ToLocalThread)
    const timer = this.#clock.after(GRACE_MS, () => this.#end('cancelled', aborted))
    void this.#ended.promise.then(
      () => timer.cancel(),
      () => timer.cancel(),
    )
  }

  #exited(code: number): void {
    const why = code === 0 ? this.#why : `${this.#why} (exit code ${code})`
    if (!this.#ready) {
      const { package: name, version } = this.#options.data
      this.#fail(
        new HeadgateError('LOAD_FAILED', {
          package: name,
          version,
          why: `its thread ended: ${why}`,
        }),
      )
      return
    }
    const running = [...this.#deadlines.values()].map(({ begun }) => taskName(begun)).join(', ')
    this.#end('failed', new HeadgateError('WORKER_LOST', { task: running, why }))
  }

  #loadTimeout(): HeadgateError {
    const { package: name, version } = this.#options.data
    return new HeadgateError('LOAD_TIMEOUT', {
      package: name,
      version,
      timeoutMs: LOAD_MS,
      phase: 'import, setup and probe',
    })
  }

  #fail(error: HeadgateError): void {
    this.#ended.reject(error)
  }

  /** The thread has said nothing of it. */
  #end(status: 'failed' | 'cancelled', error: HeadgateError): void {
    const times = { startedAt: this.#startedAt, endedAt: this.#clock.now() }
    this.#ended.resolve({ status, answer: null, outputs: {}, error, ...times })
    this.#closed.resolve(null)
  }
}

function taskName({ task }: AttemptBegun): string {
  return task.slice(task.indexOf('::') + 2)
}
