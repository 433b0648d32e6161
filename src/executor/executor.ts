/**
 * The composition root at run time: joins source, store, routing and engine, and owns their start
 * and end.
 *
 * A1  Nothing is decided here: a drop goes to its package's controller, a call to the invoker, a
 *     transition to the control log.
 * A2  start(): source → every package settled → ready; the store (and its lock) is opened before.
 *     close(): intake stops → loops rest → all drain → all are ended → spare → source → store.
 */

import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { HeadgateError, toHeadgateError } from '../base/errors.ts'
import { TypedEmitter } from '../base/events.ts'
import { Scope, inOrder } from '../base/scope.ts'
import { type RegistryValue, emptyRegistry, routeKey } from '../domain/route.ts'
import { unknownPackage } from '../domain/unknown-package.ts'
import { Invoker } from '../engine/invoker.ts'
import type { SpareThreads } from '../generation/spare-threads.ts'
import type { ExecutorRow, PackageRow } from '../protocol/status.ts'
import { closePackages } from '../routing/close-packages.ts'
import { Dispatcher } from '../routing/dispatcher.ts'
import type { GenerationFactory } from '../routing/generation-factory.ts'
import { NumberBlocks } from '../routing/number-blocks.ts'
import { Registry } from '../routing/registry.ts'
import { Swapper } from '../routing/swap.ts'
import type { ThreadBudget } from '../routing/thread-budget.ts'
import type { RefusedDrop, Source, StagedDrop } from '../source/source.ts'
import { createSource } from '../source/thread-source.ts'
import type { ControlEntry, Store, StoreSnapshot, SwapReceipt } from '../store/store.ts'
import type {
  CallableTask,
  Executor,
  ExecutorEvents,
  InvokeAnswer,
  InvokeOptions,
  Promotion,
  TaskAddress,
  WorkflowPackage,
} from './api.ts'
import { Calls } from './calls.ts'
import { Controllers, type PackageName } from './controllers.ts'
import { DropBoard } from './drop-board.ts'
import { createGenerationParts } from './generation-parts.ts'
import { createUpcalls } from './generation-upcalls.ts'
import { KnownVersions } from './known-versions.ts'
import type { ResolvedOptions } from './options.ts'
import { Outbox } from './outbox.ts'
import { PackageRows } from './package-rows.ts'
import { Registrations } from './registrations.ts'
import { checkPromotion } from './promotion.ts'
import { RestoredRoutes } from './restored-routes.ts'
import { executorRow } from './status.ts'
import { Uploads } from './uploads.ts'

export class HeadgateExecutor implements Executor {
  readonly events: TypedEmitter<ExecutorEvents>
  readonly #options: ResolvedOptions
  readonly #boot: string
  readonly #startedAt = systemClock.now()
  readonly #scope: Scope
  readonly #store: Store
  readonly #source: Source
  readonly #registry = new Registry()
  readonly #dispatcher = new Dispatcher(this.#registry)
  readonly #controllers: Controllers
  readonly #drops: DropBoard
  readonly #outbox: Outbox
  readonly #known: KnownVersions
  readonly #uploads: Uploads
  readonly #registrations: Registrations
  readonly #restored: RestoredRoutes
  readonly #rows: PackageRows
  readonly #spare: SpareThreads
  readonly #factory: GenerationFactory
  readonly #budget: ThreadBudget
  readonly #swapper: Swapper
  readonly #invoker: Invoker
  readonly #calls: Calls
  #abandoned = 0
  #state: ExecutorRow['state'] = 'starting'
  /** All that lay in the folder at the start was reported. */
  #looked = false
  #closing: Promise<void> | undefined

  /** `store` is open, and the executor's from now on; `snapshot` is what it held. */
  constructor(options: ResolvedOptions, boot: string, store: Store, snapshot: StoreSnapshot) {
    this.#options = options
    this.#boot = boot
    this.#store = store
    const { logger, dataDir } = options
    const fault = (error: unknown): void => this.#fault(error)
    this.events = new TypedEmitter(fault)
    this.#scope = new Scope(fault)
    this.#outbox = new Outbox({
      store,
      clock: systemClock,
      lastSeq: snapshot.lastSeq,
      onFault: fault,
      onCommitted: (entry) => this.events.emit('control', entry),
    })
    this.#known = new KnownVersions(snapshot.known, (version) => this.#outbox.know(version))
    this.#source = createSource(
      {
        packagesDir: options.packagesDir,
        artifactsDir: join(dataDir, 'artifacts'),
        reconcileMs: options.reconcileMs,
        quietMs: options.quietMs,
        removeAfterMs: options.removeAfterMs,
        known: this.#known.digests,
        trust: options.trust,
      },
      { logger, isLoading: (drop) => this.#controllers.of(drop).isLoading(drop.version) },
    )
    this.#uploads = new Uploads(join(dataDir, 'uploads'), this.#source)
    this.#drops = new DropBoard(this.#source, (refused, standing) =>
      this.#refusalChanged(refused, standing),
    )
    this.#registrations = new Registrations({
      source: this.#source,
      controller: (of) => this.#controllers.of(of),
      known: (drop) => this.#known.add(drop),
      changed: (of) => this.#changed(of),
      closing: () => this.#closing !== undefined,
    })
    const parts = createGenerationParts(options, {
      boot: this.#boot,
      store: this.#store,
      source: this.#source,
      generations: () => this.#registry.generations(),
      isAwaited: (generation) => this.#controllers.of(generation).line.waiting.size > 0,
      onAbandoned: () => {
        this.#abandoned++
        logger.error({ abandoned: this.#abandoned }, 'a worker thread does not end')
      },
    })
    this.#spare = parts.spare
    this.#factory = parts.factory
    this.#budget = parts.budget
    this.#swapper = new Swapper({
      registry: this.#registry,
      store: this.#store,
      dispatcher: this.#dispatcher,
      epochs: new NumberBlocks(this.#store, 'epoch'),
      clock: systemClock,
      write: (receipt) => this.#writeReceipt(receipt),
      onFault: fault,
    })
    const upcalls = createUpcalls({
      ...parts,
      source: this.#source,
      dispatcher: this.#dispatcher,
      outbox: this.#outbox,
      events: this.events,
      logger,
      invoker: () => this.#invoker,
      controller: (of) => this.#controllers.of(of),
      changed: (of) => this.#changed(of),
    })
    this.#controllers = new Controllers(
      {
        swapper: this.#swapper,
        generationUpcalls: upcalls,
        loadVersion: (...args) => this.#factory.load(...args),
        after: (ms, fn) => void systemClock.after(ms, fn),
        now: () => systemClock.now(),
        background: (work) => this.#scope.background(work),
        warn: (fields, message) => logger.warn(fields, message),
        ready: () => this.#looked,
      },
      (of) => this.#changed(of),
    )
    this.#rows = new PackageRows(this.#controllers.byKey, this.#registry, this.#drops)
    this.#invoker = new Invoker({
      registry: this.#registry,
      dispatcher: this.#dispatcher,
      controllers: this.#controllers.byKey,
      clock: systemClock,
      maxPayloadBytes: options.maxPayloadBytes,
      maxWaiting: options.maxWaiting,
    })
    this.#calls = new Calls(this.#invoker)
    const { routes } = snapshot
    this.#restored = new RestoredRoutes({
      ...options,
      routes,
      source: this.#source,
      controller: (of) => this.#controllers.of(of),
      refused: () => this.#drops.all(),
      clock: systemClock,
    })
    for (const route of routes) this.#controllers.of(route).restore(route)
    const epochs = routes.map((route) => route.epoch)
    this.#registry.assign(emptyRegistry(Math.max(0, ...epochs)))
  }

  get registry(): RegistryValue {
    return this.#registry.value
  }

  /** Resolves when it takes calls. Where it throws, close() is still to be called. */
  async start(): Promise<void> {
    const { dataDir } = this.#options
    rmSync(join(dataDir, 'slots'), { recursive: true, force: true })
    mkdirSync(join(dataDir, 'slots'), { recursive: true })
    this.#uploads.open()
    this.#listen()
    void this.#spare.refill()
    await this.#source.start()
    await this.#drops.quiet()
    await this.#restored.standIn(this.#drops.watch)
    this.#looked = true
    for (const controller of this.#controllers.all()) controller.settle()
  }

  /** After start(): resolves when every version found is served, waiting or refused. */
  async becomeReady(): Promise<void> {
    await this.#controllers.settled()
    await this.#spare.refill()
    if (this.#closing !== undefined) return
    const { packagesDir } = this.#options
    this.#setState('ready')
    this.#options.logger.info({ packagesDir, packages: this.#rows.count }, 'ready')
  }

  invoke(namespace: string, body?: unknown, options?: InvokeOptions): Promise<unknown> {
    return this.#calls.invoke(namespace, body, options)
  }

  invokeJson(namespace: string, body: string, options?: InvokeOptions): Promise<InvokeAnswer> {
    return this.#calls.invokeJson(namespace, body, options)
  }

  async promote(promotion: Promotion): Promise<void> {
    const { version, reason, actor, ...of } = checkPromotion(promotion)
    if (this.#closing !== undefined) throw new HeadgateError('EXECUTOR_CLOSING')
    const { byKey } = this.#controllers
    const controller = byKey.get(routeKey(of.tenant, of.package))
    if (controller === undefined) throw unknownPackage(of, byKey.values())
    await controller.promote(version, reason, actor)
  }

  publish(publication: Parameters<Executor['publish']>[0]): ReturnType<Executor['publish']> {
    return this.#uploads.publish(publication)
  }

  loadPackage(path: string): Promise<WorkflowPackage> {
    return this.#registrations.load(resolve(path))
  }

  getTask(task: string | TaskAddress): CallableTask {
    return this.#calls.getTask(task)
  }

  status(): ExecutorRow {
    return executorRow({
      boot: this.#boot,
      startedAt: this.#startedAt,
      now: systemClock.now(),
      state: this.#state,
      registry: this.#registry,
      packages: this.#rows.count,
      spare: this.#spare,
      abandonedThreads: this.#abandoned,
      watch: this.#drops.watch,
      store: this.#storeRow(),
      permissions: this.#options.permissions,
      signatures: this.#options.trust.policy,
      refused: this.#drops.all(),
    })
  }

  packages(): readonly PackageRow[] {
    return this.#rows.all()
  }

  package(tenant: string, name: string): PackageRow | undefined {
    return this.#rows.of(routeKey(tenant, name))
  }

  async receipts(query: Parameters<Store['receipts']>[0]): Promise<readonly SwapReceipt[]> {
    await this.#outbox.written()
    return this.#store.receipts(query)
  }

  async control(query: Parameters<Store['control']>[0]): Promise<readonly ControlEntry[]> {
    await this.#outbox.written()
    return this.#store.control(query)
  }

  async reconcile(): Promise<void> {
    await this.#source.reconcile()
    await this.#controllers.settled()
  }

  close({ force = false }: { readonly force?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(force)
    if (force) {
      this.#refuseWaiting()
      // What fails of it fails the close that they are part of.
      void Promise.allSettled(this.#controllers.all().map((controller) => controller.force()))
    }
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(force: boolean): Promise<void> {
    this.#setState('closing')
    this.#invoker.close()
    this.#factory.close()
    this.#restored.close()
    await inOrder([
      () => closePackages(this.#controllers.all(), force),
      () => this.#refuseWaiting(),
      () => this.#budget.close(),
      () => this.#spare.close(),
      () => this.#source.close(),
      () => this.#scope.close(),
      () => this.#outbox.close(),
      () => this.#swapper.records.close(),
      () => rmSync(join(this.#options.dataDir, 'slots'), { recursive: true, force: true }),
      () => this.#store.close(),
      () => this.#setState('closed'),
    ])
  }

  #refuseWaiting(): void {
    for (const { line } of this.#controllers.all()) {
      this.#dispatcher.refuseAll(line, new HeadgateError('EXECUTOR_CLOSING'))
    }
  }

  #listen(): void {
    const { events } = this.#source
    events.on('recorded', (drop) => this.#known.add(drop))
    events.on('staged', (drop) => this.#staged(drop))
    events.on('removed', (drop) => {
      const registered = this.#registrations.dropOf(drop)
      if (registered === undefined) this.#controllers.of(drop).removed(drop)
      else this.#controllers.of(drop).staged(registered)
    })
    events.on('watch', (watch) => this.#restored.watched(watch))
    events.on('fault', (record) => this.events.emit('fault', record))
  }

  #refusalChanged(refused: RefusedDrop, standing: boolean): void {
    const { entry, kind, error } = refused
    if (standing && kind !== 'incomplete') {
      this.#options.logger.warn({ entry, kind, code: error.code }, error.message)
    }
    if (!standing) this.#restored.cleared()
    const name = refused.package
    if (name === undefined) return
    this.#controllers.of({ tenant: refused.tenant, package: name })
    this.events.emit('package', { tenant: refused.tenant, package: name })
  }

  #staged(drop: StagedDrop): void {
    const { entry, doubt } = drop
    if (doubt !== null) this.#options.logger.warn({ entry, code: doubt.code }, doubt.message)
    this.#restored.staged(drop)
    this.#controllers.of(drop).staged(drop)
  }

  #changed({ tenant, package: name }: PackageName): void {
    this.events.emit('package', { tenant, package: name })
  }

  #writeReceipt(receipt: SwapReceipt): void {
    this.events.emit('receipt', receipt)
    this.#outbox.putReceipt(receipt)
  }

  #storeRow(): ExecutorRow['store'] {
    const failure = this.#store.fault ?? this.#outbox.failure ?? this.#swapper.records.failure
    return {
      state: failure === null ? 'ok' : 'failing',
      reason: failure?.message ?? null,
      waiting: this.#outbox.size + this.#swapper.records.unsaved,
    }
  }

  #setState(state: ExecutorRow['state']): void {
    this.#state = state
    this.events.emit('state', state)
  }

  #fault(error: unknown): void {
    const fault = toHeadgateError(error)
    this.#options.logger.error({ code: fault.code, stack: fault.stack }, fault.message)
    this.events.emit('fault', fault.toRecord())
  }
}
