/**
 * The embedded store: SQLite on a thread of its own, one file per data dir.
 *
 * Owns: the store thread, the lock of the data dir, the calls that wait for a commit.
 * Does not own: SQL (operations.ts), what the records mean (routing/, executor/).
 *
 * Q1  at most one batch is with the thread; calls that arrive meanwhile are the next one. So a
 *     group commit needs no timer, and its size follows what a commit costs.
 * Q2  every call settles: with its committed result, or with an error when it, the commit or the
 *     thread failed. None is dropped.
 * Q3  the lock outlives the thread: until close(), a store whose thread died keeps others out,
 *     because the executor around it still runs.
 * Q4  a thread that died is replaced, later and later while its followers die too; until one is
 *     open, calls are refused at once.
 */

import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { type Clock, type Timer, systemClock } from '../../base/clock.ts'
import { doubling } from '../../base/doubling.ts'
import { HeadgateError, messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { ownModule } from '../../base/own-module.ts'
import { threadEnvironment } from '../../base/thread-environment.ts'
import type {
  ControlEntry,
  KnownVersion,
  NewControlEntry,
  RouteRecord,
  Store,
  StoreSnapshot,
  SwapReceipt,
} from '../store.ts'
import { type DataDirLock, lockDataDir } from './lock.ts'
import {
  type Operation,
  type Outcome,
  type Reply,
  type Request,
  refused,
  replySchema,
  resultSchemas,
  type ThreadOptions,
} from './messages.ts'

/** Bounds the time one transaction takes, and with it the wait of the first call of the next. */
const LARGEST_BATCH = 1000

const FIRST_RESTART_MS = 50
const LONGEST_RESTART_MS = 5_000

export interface SqliteStoreOptions {
  /** Absolute path; created when missing. Holds `state.db`, `lock.db`, `lock.pid`. */
  readonly dataDir: string
  /** Id of this start of the executor; stands in every control entry it writes. */
  readonly boot: string
  /**
   * `full` (default): a resolved call survives power loss. `os`: it survives the end of the process;
   * a power cut may lose the last commits, never corrupt the file.
   */
  readonly durability?: 'full' | 'os'
}

export interface SqliteStoreParts {
  readonly logger: Logger
  /** Default systemClock. */
  readonly clock?: Clock
  /** How the store thread is started; default: a worker thread that runs store-thread. */
  readonly spawn?: (options: ThreadOptions) => Worker
}

/** The embedded store; nothing is touched before open(). */
export function createSqliteStore(options: SqliteStoreOptions, parts: SqliteStoreParts): Store {
  return new SqliteStore(options, parts)
}

interface Pending {
  readonly operation: Operation
  settle(outcome: Outcome): void
}

type State =
  | { readonly kind: 'new' }
  | { readonly kind: 'opening'; readonly opened: PromiseWithResolvers<StoreSnapshot> }
  | { readonly kind: 'open' }
  /** The last calls are being committed; `ended` resolves with the thread's exit. */
  | { readonly kind: 'closing'; readonly ended: PromiseWithResolvers<void> }
  /** Q4: the next thread is waited for, or it opens the file. */
  | { readonly kind: 'broken'; readonly error: HeadgateError }
  | { readonly kind: 'closed' }

class SqliteStore implements Store {
  readonly #options: ThreadOptions
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #spawn: (options: ThreadOptions) => Worker
  #state: State = { kind: 'new' }
  #lock: DataDirLock | undefined
  #worker: Worker | undefined
  /** Why the thread is about to exit, when it said so. */
  #fault: HeadgateError | undefined
  #closing: Promise<void> | undefined
  #waiting: Pending[] = []
  #committing: readonly Pending[] = []
  #flushPlanned = false
  #closeSent = false
  #restart: Timer | undefined
  /** Threads that died since the last commit. */
  #deaths = 0

  constructor(options: SqliteStoreOptions, parts: SqliteStoreParts) {
    this.#options = {
      dataDir: options.dataDir,
      boot: options.boot,
      durability: options.durability ?? 'full',
    }
    this.#logger = parts.logger
    this.#clock = parts.clock ?? systemClock
    this.#spawn = parts.spawn ?? spawnStoreThread
  }

  get fault(): HeadgateError | null {
    return this.#state.kind === 'broken' ? this.#state.error : null
  }

  async open(): Promise<StoreSnapshot> {
    if (this.#state.kind !== 'new') {
      throw new HeadgateError('INTERNAL', { why: `the store is ${this.#state.kind} already` })
    }
    this.#lock = lockDataDir(this.#options.dataDir)
    const opened = Promise.withResolvers<StoreSnapshot>()
    this.#state = { kind: 'opening', opened }
    this.#startThread()
    return opened.promise
  }

  #startThread(): void {
    this.#fault = undefined
    const worker = this.#spawn(this.#options)
    this.#worker = worker
    worker.on('message', (message: unknown) => this.#receive(message))
    worker.on('error', (error) => {
      this.#fault ??= failed(messageOf(error))
    })
    worker.on('exit', (code) => {
      this.#worker = undefined
      this.#exited(this.#fault ?? failed(`the store thread exited (${code})`))
    })
  }

  append(entries: readonly NewControlEntry[]): Promise<readonly ControlEntry[]> {
    return this.#call({ op: 'append', entries: [...entries] }, resultSchemas.append)
  }

  commitRoute(route: RouteRecord): Promise<void> {
    return this.#call({ op: 'commitRoute', route }, resultSchemas.commitRoute)
  }

  know(version: KnownVersion): Promise<void> {
    return this.#call({ op: 'know', version }, resultSchemas.know)
  }

  reserve(what: 'generation' | 'epoch', count: number): Promise<number> {
    return this.#call({ op: 'reserve', what, count }, resultSchemas.reserve)
  }

  putReceipt(receipt: SwapReceipt): Promise<void> {
    return this.#call({ op: 'putReceipt', receipt }, resultSchemas.putReceipt)
  }

  receipts(query: Parameters<Store['receipts']>[0]): Promise<readonly SwapReceipt[]> {
    return this.#call({ op: 'receipts', query }, resultSchemas.receipts)
  }

  control(query: Parameters<Store['control']>[0]): Promise<readonly ControlEntry[]> {
    return this.#call({ op: 'control', query }, resultSchemas.control)
  }

  /** Commits what waits, then ends the thread and frees the data dir. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // A failed open has told its own caller; here it only means that there is less to close.
    if (this.#state.kind === 'opening') await this.#state.opened.promise.catch(() => undefined)
    if (this.#state.kind === 'open') {
      const ended = Promise.withResolvers<void>()
      this.#state = { kind: 'closing', ended }
      this.#planFlush()
      await ended.promise
    }
    this.#restart?.cancel()
    this.#state = { kind: 'closed' }
    await this.#worker?.terminate()
    this.#lock?.release()
  }

  /** Queues one operation, as it is now; the thread validates it. */
  #call<T>(operation: Operation, result: z.ZodType<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#state.kind !== 'open') throw this.#unavailable()
      this.#waiting.push({
        operation: copyOf(operation),
        settle(outcome) {
          if (!outcome.ok) return reject(HeadgateError.fromRecord(outcome.error))
          const value = result.safeParse(outcome.value)
          if (value.success) return resolve(value.data)
          const why = `${operation.op} answered what it cannot: ${z.prettifyError(value.error)}`
          reject(failed(why))
        },
      })
      this.#planFlush()
    })
  }

  #unavailable(): HeadgateError {
    if (this.#state.kind === 'broken') return this.#state.error
    return failed(`the store is ${this.#state.kind}, not open`)
  }

  #planFlush(): void {
    if (this.#flushPlanned || this.#committing.length > 0) return
    this.#flushPlanned = true
    setImmediate(() => {
      this.#flushPlanned = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#committing.length > 0) return
    if (this.#state.kind !== 'open' && this.#state.kind !== 'closing') return
    if (this.#waiting.length > 0) {
      this.#committing = this.#waiting.splice(0, LARGEST_BATCH)
      this.#send({ type: 'batch', operations: this.#committing.map((call) => call.operation) })
    } else if (this.#state.kind === 'closing' && !this.#closeSent) {
      this.#closeSent = true
      this.#send({ type: 'close' })
    }
  }

  #send(request: Request): void {
    this.#worker?.postMessage(request)
  }

  #receive(message: unknown): void {
    const reply = replySchema.safeParse(message)
    if (!reply.success) {
      this.#fault = failed(`the store thread sent ${z.prettifyError(reply.error)}`)
      void this.#worker?.terminate()
      return
    }
    this.#handle(reply.data)
  }

  #handle(reply: Reply): void {
    switch (reply.type) {
      case 'opened':
        if (this.#state.kind === 'opening') this.#state.opened.resolve(reply.snapshot)
        else if (this.#state.kind !== 'broken') return
        this.#state = { kind: 'open' }
        return
      case 'refused':
        this.#fault = HeadgateError.fromRecord(reply.error)
        return
      case 'committed':
        this.#deaths = 0
        this.#settle(reply.outcomes)
        // At once: the calls of the last commit's time have waited long enough to be a group (Q1).
        this.#flush()
        return
      case 'closed':
        return
      default:
        reply satisfies never
    }
  }

  #settle(outcomes: readonly Outcome[]): void {
    const calls = this.#committing
    this.#committing = []
    for (const [index, call] of calls.entries()) {
      call.settle(outcomes[index] ?? refusal(failed('the store thread left out an outcome')))
    }
  }

  #exited(error: HeadgateError): void {
    switch (this.#state.kind) {
      case 'opening': {
        const { opened } = this.#state
        // The data dir is free again, and the same store may be opened again.
        this.#lock?.release()
        this.#state = { kind: 'new' }
        return opened.reject(error)
      }
      case 'open':
      case 'broken':
        this.#state = { kind: 'broken', error }
        this.#restartLater(error)
        return this.#rejectAll(error)
      case 'closing':
        this.#rejectAll(error)
        return this.#state.ended.resolve()
      case 'new':
      case 'closed':
        return
      default:
        this.#state satisfies never
    }
  }

  /** Q4 */
  #restartLater(error: HeadgateError): void {
    const wait = doubling(FIRST_RESTART_MS, LONGEST_RESTART_MS, this.#deaths++)
    const facts = { error: error.toRecord(), restartInMs: wait }
    this.#logger.error(facts, 'the store thread died')
    this.#restart = this.#clock.after(wait, () => this.#startThread())
  }

  #rejectAll(error: HeadgateError): void {
    const calls = [...this.#committing, ...this.#waiting]
    this.#committing = []
    this.#waiting = []
    for (const call of calls) call.settle(refusal(error))
  }
}

/** One that no thread can be sent fails here, alone, and not the batch it would travel in. */
function copyOf(operation: Operation): Operation {
  try {
    return structuredClone(operation)
  } catch (fault) {
    throw refused(operation.op, messageOf(fault))
  }
}

function failed(why: string): HeadgateError {
  return new HeadgateError('STORE_FAILED', { why })
}

function refusal(error: HeadgateError): Outcome {
  return { ok: false, error: error.toRecord() }
}

/** `execArgv: []`: no flags of the parent's reach the thread. */
function spawnStoreThread(options: ThreadOptions): Worker {
  const entry = ownModule('./store-thread', import.meta.url)
  return new Worker(entry, {
    name: 'headgate-store',
    env: threadEnvironment(),
    execArgv: [],
    workerData: options,
  })
}
