/**
 * Everything the source thread does, but for being a thread.
 *
 * Owns: the watcher's life, the order of passes, links, errands and syncing, the watch status.
 * Does not own: the comparison (reconcile.ts), the port (source-thread.ts).
 *
 * L1  a link waits for one file to be read or synced at most, never for a whole pass.
 * L2  syncing begins when the thread has been idle for a moment: a version just reported is linked
 *     first.
 * L3  a publication follows a full pass that began after it came: it knows what lies there now.
 * L4  a system without watches left is asked again every REWATCH_MS; until it has some, and whenever
 *     the root cannot be read, the status says `degraded`, and the reconcile goes on alone.
 */

import { existsSync, rmSync } from 'node:fs'
import type { Clock, Timer } from '../base/clock.ts'
import { HeadgateError, messageOf, toHeadgateError } from '../base/errors.ts'
import type { EngineVersions } from '../domain/package-json.ts'
import { fitsAnyThread } from '../domain/thread-class.ts'
import { ArtifactStore } from './artifact-store.ts'
import { isFsFault } from './fs-fault.ts'
import type { FromThread, ThreadData, ToThread } from './messages.ts'
import { Pacer } from './pacer.ts'
import type { PassRequest } from './pacer.ts'
import { loadPath, type RegisterContext, registerLoaded } from './load-path.ts'
import { publishArchive, type PublishContext } from './publish.ts'
import { Reconciler } from './reconcile.ts'
import { scanRoot } from './scan.ts'
import type { Scan } from './scan.ts'
import type { StagedDrop, WatchStatus } from './source.ts'
import type { WatchHandlers, Watching } from './watch.ts'

export interface LoopDeps {
  readonly clock: Clock
  /** Wall clock that the file system writes ctimes by, ms. */
  readonly fileNow: () => number
  readonly post: (message: FromThread) => void
  /** A message that arrived and was not delivered yet; undefined: none. */
  readonly nextMessage: () => ToThread | undefined
  readonly watch: (root: string, handlers: WatchHandlers) => Watching
  /** The thread may end. */
  readonly ended: () => void
}

const IDLE_BEFORE_SYNC_MS = 20
const REWATCH_MS = 30_000

/** What is done after a pass, never inside one: it reads whole versions itself. */
type Errand = Extract<ToThread, { type: 'publish' | 'load' | 'register' }>

type Phase = 'new' | 'open' | 'closing'

export class SourceLoop {
  readonly #data: ThreadData
  readonly #deps: LoopDeps
  readonly #running: EngineVersions
  readonly #store: ArtifactStore
  readonly #reconciler: Reconciler
  readonly #pacer: Pacer
  readonly #closings = new Set<Promise<unknown>>()
  #phase: Phase = 'new'
  #watching: Watching | undefined
  /** Why there are no events; `at`: monotonic ms of the last try. */
  #exhausted: { readonly reason: string; readonly at: number } | undefined
  #root: string | null = null
  #missing: string | undefined
  #lastReconcileAt = 0
  #lastReconcileMs = 0
  #reconcileIds: number[] = []
  readonly #errands: Errand[] = []
  #sync: Generator<void, void> | undefined
  #syncTimer: Timer | undefined
  #pumping = false
  /** Empty; null: there is none. */
  #offered: string | null = null

  constructor(data: ThreadData, deps: LoopDeps) {
    const { clock, fileNow, post } = deps
    this.#data = data
    this.#deps = deps
    this.#running = { node: process.versions.node, headgate: data.headgateVersion }
    const between = (): void => this.#pump()
    this.#store = new ArtifactStore(data.artifactsDir, between)
    const hasArtifacts = this.#store.open()
    this.#reconciler = new Reconciler({
      scan: () => scanRoot(data.packagesDir),
      store: this.#store,
      hasArtifacts,
      quietMs: data.quietMs,
      settleMs: data.settleMs,
      removeAfterMs: data.removeAfterMs,
      known: data.known,
      present: data.present,
      running: this.#running,
      trust: data.trust,
      moment: () => ({ now: clock.now(), fileNow: fileNow(), monotonic: clock.monotonic() }),
      reports: {
        staged: (event) => this.#staged(event),
        refused: (event) => post({ type: 'refused', event: event }),
        cleared: (entry) => post({ type: 'cleared', event: { entry } }),
        removed: (event) => post({ type: 'removed', event }),
        recorded: (event) => post({ type: 'recorded', event: event }),
        withdraw: (event) => post({ type: 'withdraw', event: event }),
      },
      between,
      stopped: () => this.#phase === 'closing',
    })
    this.#pacer = new Pacer(clock, data.reconcileMs, (request) => this.#pass(request))
  }

  start(): void {
    this.#phase = 'open'
    this.#watch()
    this.#pacer.full()
    this.#deps.post({ type: 'started' })
  }

  receive(message: ToThread): void {
    switch (message.type) {
      case 'link':
        if (message.slotDir === this.#offered) this.#offered = null
        this.#link(message)
        return
      case 'offer':
        this.#offered = message.slotDir
        return
      case 'reconcile':
        this.#reconcileIds.push(message.id)
        this.#pacer.full()
        return
      case 'publish':
        this.#errands.push(message)
        this.#pacer.full()
        return
      case 'load':
      case 'register':
        this.#errands.push(message)
        this.#pacer.hint(null)
        return
      case 'record':
      case 'withdrawn': {
        const entry = this.#reconciler.answered(message.type, message.key, message.digest)
        if (entry !== null) this.#pacer.hint(entry)
        return
      }
      case 'close':
        this.#close()
        return
      default:
        message satisfies never
    }
  }

  /** Messages that came while synchronous work was going on (L1). */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      for (let next = this.#deps.nextMessage(); next !== undefined; ) {
        this.receive(next)
        next = this.#deps.nextMessage()
      }
    } finally {
      this.#pumping = false
    }
  }

  #pass(request: PassRequest): number | null {
    const { clock, post } = this.#deps
    const ids = request.only === null ? this.#reconcileIds.splice(0) : []
    const errands = this.#errands.splice(0)
    const began = clock.monotonic()
    const { scan, nextLookAt } = this.#reconciler.pass(request.only, request.hints)
    if (this.#phase === 'closing') return null
    const changed = this.#follow(scan)
    if (request.only === null) {
      this.#lastReconcileAt = clock.now()
      this.#lastReconcileMs = clock.monotonic() - began
    }
    if (request.only === null || changed) this.#postStatus()
    for (const id of ids) post({ type: 'answer', id, error: null })
    for (const errand of errands) this.#run(errand)
    this.#syncLater()
    return nextLookAt
  }

  /** Takes note of a root that went, came or was replaced; true when the mode changed. */
  #follow(scan: Scan): boolean {
    const was = this.#missing
    if (scan.kind === 'missing') {
      this.#missing = scan.reason
      return was !== scan.reason
    }
    this.#missing = undefined
    const isNewRoot = was !== undefined || (this.#root !== null && this.#root !== scan.root)
    this.#root = scan.root
    // The old watcher may still be watching the folder that was moved away.
    const lastTry = this.#exhausted?.at ?? Number.POSITIVE_INFINITY
    const isTimeToTry = this.#deps.clock.monotonic() - lastTry >= REWATCH_MS
    if (isTimeToTry || (isNewRoot && this.#exhausted === undefined)) this.#watch()
    return was !== undefined
  }

  #watch(): void {
    this.#unwatch()
    if (this.#data.watch === 'poll') return
    const { clock, watch } = this.#deps
    // A try that neither fails nor becomes ready is not followed by another at once.
    if (this.#exhausted !== undefined) {
      this.#exhausted = { ...this.#exhausted, at: clock.monotonic() }
    }
    this.#watching = watch(this.#data.packagesDir, {
      hint: (entry) => this.#pacer.hint(entry),
      ready: () => {
        this.#exhausted = undefined
        this.#pacer.full()
      },
      uncertain: () => this.#pacer.full(),
      exhausted: (reason) => {
        this.#exhausted = { reason, at: clock.monotonic() }
        this.#unwatch()
        this.#pacer.full()
      },
    })
  }

  #unwatch(): void {
    if (this.#watching === undefined) return
    const closing = this.#watching.close().finally(() => this.#closings.delete(closing))
    this.#closings.add(closing)
    this.#watching = undefined
  }

  #postStatus(): void {
    const event = {
      ...this.#mode(),
      watches: this.#watching?.folders ?? 0,
      lastReconcileAt: this.#lastReconcileAt,
      lastReconcileMs: this.#lastReconcileMs,
      entries: this.#reconciler.entries,
    }
    this.#deps.post({ type: 'watch', event })
  }

  /** L4 */
  #mode(): Pick<WatchStatus, 'state' | 'mode' | 'reason'> {
    if (this.#missing !== undefined) {
      return { state: 'degraded', mode: 'missing', reason: this.#missing }
    }
    if (this.#exhausted !== undefined) {
      return { state: 'degraded', mode: 'poll', reason: this.#exhausted.reason }
    }
    if (this.#data.watch === 'poll') {
      return { state: 'ok', mode: 'poll', reason: 'asked for by option' }
    }
    return { state: 'ok', mode: 'events' }
  }

  #staged(event: StagedDrop): void {
    const slotDir = fitsAnyThread(event.options) ? this.#offered : null
    this.#deps.post({ type: 'staged', event, slotDir })
    if (slotDir === null) return
    this.#deps.post({ type: 'filled', slotDir, ok: this.#fill(slotDir, event) })
  }

  /** A fault is met again, and reported, by whoever links. */
  #fill(slotDir: string, { digest, entryFile }: StagedDrop): boolean {
    try {
      const isThere = this.#store.has(digest)
      // Other messages are heard while an artifact is verified: it may be used for another by now.
      if (this.#offered !== slotDir) return false
      this.#offered = null
      // Its thread may be gone, and the slot with it.
      if (!isThere || !existsSync(slotDir)) return false
      this.#store.link(digest, slotDir, entryFile)
      return true
    } catch {
      return false
    }
  }

  #link(request: Extract<ToThread, { type: 'link' }>): void {
    const { id, digest, slotDir, entryFile, clear } = request
    try {
      if (clear) rmSync(slotDir, { recursive: true, force: true })
      this.#store.link(digest, slotDir, entryFile)
      this.#deps.post({ type: 'answer', id, error: null })
    } catch (fault) {
      this.#fail(id, fault)
    }
  }

  #run(errand: Errand): void {
    const { id } = errand
    const { versions } = this.#reconciler
    const context = {
      packagesDir: this.#data.packagesDir,
      store: this.#store,
      digestOf: (key: string) => versions.digestOf(key),
      present: (key: string) => versions.present(key),
      missing: this.#missing,
      record: (key: string, digest: string) => versions.record(key, digest),
      running: this.#running,
      trust: this.#data.trust,
      between: () => this.#pump(),
    }
    try {
      this.#deps.post(this.#answer(errand, context))
    } catch (fault) {
      this.#fail(id, fault)
    }
  }

  #answer(errand: Errand, context: PublishContext & RegisterContext): FromThread {
    const { id } = errand
    switch (errand.type) {
      case 'publish': {
        const published = publishArchive(errand.publication, context)
        if (published.outcome === 'created') this.#pacer.hint(published.entry)
        return { type: 'published', id, published }
      }
      case 'load':
        return { type: 'loaded', id, loaded: loadPath(errand.path, context) }
      case 'register': {
        const detectedAt = this.#deps.clock.now()
        const facts = registerLoaded(errand.registration, context)
        return {
          type: 'registered',
          id,
          drop: { ...facts, landedAt: null, detectedAt, stagedAt: this.#deps.clock.now() },
        }
      }
    }
  }

  #fail(id: number, fault: unknown): void {
    const error = isFsFault(fault)
      ? new HeadgateError('STORE_FAILED', { why: messageOf(fault) }, { cause: fault })
      : toHeadgateError(fault)
    this.#deps.post({ type: 'answer', id, error: error.toRecord() })
  }

  #syncLater(): void {
    if (this.#store.unsynced === 0 && this.#sync === undefined) return
    this.#syncTimer?.cancel()
    this.#syncTimer = this.#deps.clock.after(IDLE_BEFORE_SYNC_MS, () => this.#syncStep())
  }

  /** One file a turn, so that messages and events come in between. */
  #syncStep(): void {
    if (this.#phase === 'closing') return
    this.#sync ??= this.#store.sync()
    if (this.#sync.next().done === true) {
      this.#sync = undefined
      return
    }
    this.#syncTimer = this.#deps.clock.after(0, () => this.#syncStep())
  }

  #close(): void {
    if (this.#phase === 'closing') return
    this.#phase = 'closing'
    this.#pacer.stop()
    this.#syncTimer?.cancel()
    this.#unwatch()
    void Promise.allSettled(this.#closings).then(() => this.#deps.ended())
  }
}
