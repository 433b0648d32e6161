/**
 * The source as the main thread sees it: a worker thread that is replaced when it dies.
 *
 * Owns: the thread's life, the calls that wait for it, what it has reported so far.
 * Does not own: anything about files (source-loop.ts, in the thread).
 *
 * T1  a version is reported staged once while it is present, over all threads of this source, and
 *     once more for each manifest it comes with.
 * T2  a new thread is told what is present and known, so that it reports what went meanwhile.
 * T3  a version is withdrawn only while it is provisional and nobody can call it; whoever loads it
 *     says so by record() before the first call.
 * T4  every call ends: answered, asked again of the next thread, or refused when the source closes.
 */

import { isAbsolute } from 'node:path'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { systemClock } from '../base/clock.ts'
import { doubling } from '../base/doubling.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { TypedEmitter } from '../base/events.ts'
import type { Logger } from '../base/logger.ts'
import { HEADGATE_VERSION } from '../base/headgate-package.ts'
import { ownModule } from '../base/own-module.ts'
import { threadEnvironment } from '../base/thread-environment.ts'
import { NO_TRUST, type SignatureTrust } from '../domain/signature-policy.ts'
import { fromThreadSchema } from './messages.ts'
import type { FromThread, ThreadData, ToThread } from './messages.ts'
import { OfferedSlot } from './offered-slot.ts'
import type {
  LoadedVersion,
  Publication,
  Published,
  Registration,
  RemovedDrop,
  Source,
  SourceEvents,
  SourceOptions,
  StagedDrop,
} from './source.ts'
import { versionKey } from './versions.ts'

export interface SourceDeps {
  readonly logger: Logger
  /** Whether a version is being loaded: it is then not withdrawn. Default: none is. */
  readonly isLoading?: (drop: StagedDrop) => boolean
  /** Default systemClock. */
  readonly clock?: Clock
}

type Request = Extract<ToThread, { id: number }>
type Answer = Extract<FromThread, { id: number }>

interface Call {
  readonly request: Request
  readonly resolve: (answer: Answer) => void
  readonly reject: (fault: HeadgateError) => void
}

type Phase = 'new' | 'open' | 'closing'

const FIRST_RESTART_MS = 50
const LONGEST_RESTART_MS = 5000
const CLOSE_GRACE_MS = 2000

const THREAD_FILE = ownModule('./source-thread', import.meta.url)

/** Throws OPTION_INVALID. */
export function createSource(options: SourceOptions, deps: SourceDeps): Source {
  return new ThreadSource(resolveOptions(options), deps)
}

class ThreadSource implements Source {
  readonly events: TypedEmitter<SourceEvents>
  readonly #data: Omit<ThreadData, 'present'>
  readonly #deps: SourceDeps
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #known: Map<string, string>
  readonly #present = new Map<string, StagedDrop>()
  /** Refused entries, each with the number of the thread that said so. */
  readonly #refused = new Map<string, number>()
  readonly #calls = new Map<number, Call>()
  readonly #offered = new OfferedSlot()
  readonly #started = Promise.withResolvers<void>()
  #phase: Phase = 'new'
  #thread: Worker | undefined
  #threadNumber = 0
  #nextId = 1
  #restarts = 0
  #restartTimer: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(data: Omit<ThreadData, 'present'>, deps: SourceDeps) {
    this.#data = data
    this.#known = new Map(data.known)
    this.#deps = deps
    this.#logger = deps.logger
    this.#clock = deps.clock ?? systemClock
    this.#started.promise.catch(() => {})
    this.events = new TypedEmitter((fault) => {
      this.#logger.error({ why: messageOf(fault) }, 'a listener of source events failed')
    })
  }

  start(): Promise<void> {
    if (this.#phase === 'new') {
      this.#phase = 'open'
      this.#spawn()
    }
    return this.#started.promise
  }

  async reconcile(): Promise<void> {
    await this.#call({ type: 'reconcile', id: this.#nextId++ })
  }

  async link(digest: string, slotDir: string, entryFile: string): Promise<void> {
    const held = await this.#offered.use(slotDir, { digest, entryFile })
    if (held === 'it') return
    const clear = held === 'else'
    await this.#call({ type: 'link', id: this.#nextId++, digest, slotDir, entryFile, clear })
  }

  offer(slotDir: string): void {
    if (this.#thread === undefined) return
    this.#offered.offer(slotDir)
    this.#send({ type: 'offer', slotDir })
  }

  async publish(publication: Publication): Promise<Published> {
    const answer = await this.#call({ type: 'publish', id: this.#nextId++, publication })
    if (answer.type === 'published') return answer.published
    throw strange(answer)
  }

  async load(path: string): Promise<LoadedVersion> {
    const answer = await this.#call({ type: 'load', id: this.#nextId++, path })
    if (answer.type === 'loaded') return answer.loaded
    throw strange(answer)
  }

  async register(registration: Registration): Promise<StagedDrop> {
    const answer = await this.#call({ type: 'register', id: this.#nextId++, registration })
    if (answer.type !== 'registered') throw strange(answer)
    this.#known.set(versionKey(answer.drop), answer.drop.digest)
    return answer.drop
  }

  record(version: Omit<RemovedDrop, 'entry'>): void {
    const drop = this.#present.get(versionKey(version))
    if (drop?.digest === version.digest) this.#record(drop)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #call(request: Request): Promise<Answer> {
    if (this.#phase !== 'open') return Promise.reject(new HeadgateError('EXECUTOR_CLOSING'))
    return new Promise((resolve, reject) => {
      this.#calls.set(request.id, { request, resolve, reject })
      this.#thread?.postMessage(request)
    })
  }

  #spawn(): void {
    const number = ++this.#threadNumber
    const workerData: ThreadData = {
      ...this.#data,
      known: this.#known,
      present: [...this.#present.values()],
    }
    // No flags of the host: the thread needs none, and inherits no preloads.
    const thread = new Worker(THREAD_FILE, {
      name: 'headgate-source',
      workerData,
      env: threadEnvironment(),
      execArgv: [],
    })
    this.#thread = thread
    let why = 'it ended by itself'
    thread.on('message', (message: unknown) => {
      if (number !== this.#threadNumber || this.#phase !== 'open') return
      const parsed = fromThreadSchema.safeParse(message)
      if (parsed.success) {
        this.#receive(number, parsed.data)
        return
      }
      why = `it sent a message that was not understood: ${z.prettifyError(parsed.error)}`
      void thread.terminate()
    })
    thread.on('messageerror', (fault) => {
      why = messageOf(fault)
      void thread.terminate()
    })
    thread.on('error', (fault) => {
      why = messageOf(fault)
    })
    thread.on('exit', () => this.#lost(thread, why))
    for (const call of this.#calls.values()) thread.postMessage(call.request)
  }

  #receive(number: number, message: FromThread): void {
    switch (message.type) {
      case 'staged': {
        const { event: drop, slotDir } = message
        if (slotDir !== null) this.#offered.filling(slotDir, drop)
        const key = versionKey(drop)
        // T1
        if (this.#present.get(key)?.manifest === drop.manifest) return
        this.#present.set(key, drop)
        if (drop.provisional !== true) this.#record(drop)
        this.events.emit('staged', drop)
        return
      }
      case 'filled':
        this.#offered.filled(message.slotDir, message.ok)
        return
      case 'refused':
        this.#refused.set(message.event.entry, number)
        this.events.emit('refused', message.event)
        return
      case 'cleared':
        if (this.#refused.delete(message.event.entry)) this.events.emit('cleared', message.event)
        return
      case 'removed':
        if (this.#present.delete(versionKey(message.event))) {
          this.events.emit('removed', message.event)
        }
        return
      case 'recorded':
        this.record(message.event)
        return
      case 'withdraw':
        this.#withdraw(message.event)
        return
      case 'watch':
        this.events.emit('watch', message.event)
        return
      case 'started':
        this.#clearOlderThan(number)
        this.#restarts = 0
        this.#started.resolve()
        return
      case 'answer':
      case 'published':
      case 'loaded':
      case 'registered':
        this.#settle(message)
        return
      default:
        message satisfies never
    }
  }

  #record(drop: StagedDrop): void {
    const key = versionKey(drop)
    if (this.#known.has(key)) return
    const { digest, provisional } = drop
    this.#known.set(key, digest)
    if (provisional === true) this.#send({ type: 'record', key, digest })
    this.events.emit('recorded', drop)
  }

  /** T3. Without an answer the thread asks again. */
  #withdraw(removed: RemovedDrop): void {
    const key = versionKey(removed)
    const { digest } = removed
    const drop = this.#present.get(key)
    if (this.#known.has(key)) this.#send({ type: 'record', key, digest })
    else if (drop === undefined || this.#deps.isLoading?.(drop) !== true) {
      if (this.#present.delete(key)) this.events.emit('removed', removed)
      this.#send({ type: 'withdrawn', key, digest })
    }
  }

  #send(message: ToThread): void {
    this.#thread?.postMessage(message)
  }

  #settle(answer: Answer): void {
    const call = this.#calls.get(answer.id)
    this.#calls.delete(answer.id)
    if (answer.type === 'answer' && answer.error !== null) {
      call?.reject(HeadgateError.fromRecord(answer.error))
    } else call?.resolve(answer)
  }

  /** What an earlier thread refused and this one's first pass did not is refused no longer (T2). */
  #clearOlderThan(number: number): void {
    for (const [entry, by] of this.#refused) {
      if (by >= number) continue
      this.#refused.delete(entry)
      this.events.emit('cleared', { entry })
    }
  }

  #lost(thread: Worker, why: string): void {
    if (this.#thread !== thread) return
    this.#thread = undefined
    this.#offered.lost()
    if (this.#phase !== 'open') return
    const wait = doubling(FIRST_RESTART_MS, LONGEST_RESTART_MS, this.#restarts++)
    const error = new HeadgateError('INTERNAL', { why: `the source thread was lost: ${why}` })
    this.#logger.error({ why, restartInMs: wait }, 'the source thread was lost')
    this.#restartTimer = this.#clock.after(wait, () => this.#spawn(), { keepAlive: true })
    this.events.emit('fault', error.toRecord())
  }

  async #close(): Promise<void> {
    this.#phase = 'closing'
    this.#restartTimer?.cancel()
    const closed = new HeadgateError('EXECUTOR_CLOSING')
    this.#started.reject(closed)
    for (const call of this.#calls.values()) call.reject(closed)
    this.#calls.clear()
    const thread = this.#thread
    if (thread === undefined) return
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()))
    thread.postMessage({ type: 'close' } satisfies ToThread)
    const grace = this.#clock.after(CLOSE_GRACE_MS, () => void thread.terminate())
    await ended
    grace.cancel()
  }
}

function strange({ type }: Answer): HeadgateError {
  return new HeadgateError('INTERNAL', { why: `the source thread answered with '${type}'` })
}

const positiveMs = z.number().positive().max(2_147_483_647)
const absolutePath = z.string().refine(isAbsolute, { error: 'write an absolute path' })

const optionsSchema = z.strictObject({
  packagesDir: absolutePath,
  artifactsDir: absolutePath,
  reconcileMs: positiveMs.default(2000),
  quietMs: z.number().nonnegative().default(250),
  settleMs: z.number().nonnegative().default(5000),
  removeAfterMs: z.number().nonnegative().default(5000),
  watch: z.enum(['events', 'poll']).default('events'),
  known: z.map(z.string(), z.string()).default(() => new Map()),
  trust: z.custom<SignatureTrust>().default(NO_TRUST),
})

function resolveOptions(options: SourceOptions): Omit<ThreadData, 'present'> {
  const parsed = optionsSchema.safeParse(options)
  if (parsed.success) {
    const { policy, keys } = parsed.data.trust
    const trust = { policy, keys: new Map(keys) }
    return { ...parsed.data, trust, headgateVersion: HEADGATE_VERSION }
  }
  const [issue] = parsed.error.issues
  throw new HeadgateError('OPTION_INVALID', {
    option: issue?.path.join('.') || 'source',
    why: issue?.message ?? 'it was not understood',
  })
}
