/**
 * An executor without threads: rows, receipts and control entries are what the test puts there.
 */

import { HeadgateError } from '../../src/base/errors.ts'
import { TypedEmitter } from '../../src/base/events.ts'
import { emptyRegistry } from '../../src/domain/route.ts'
import type {
  Executor,
  ExecutorEvents,
  InvokeAnswer,
  InvokeOptions,
  Promotion,
} from '../../src/executor/api.ts'
import type { ExecutorRow, PackageRow } from '../../src/protocol/status.ts'
import type { ControlEntry, SwapReceipt } from '../../src/store/store.ts'

export type FakeInvoke = (
  namespace: string,
  body: string,
  options: InvokeOptions,
) => Promise<InvokeAnswer>

export class FakeExecutor implements Executor {
  readonly registry = emptyRegistry(1)
  readonly events = new TypedEmitter<ExecutorEvents>()
  readonly rows = new Map<string, PackageRow>()
  readonly log: ControlEntry[] = []
  readonly swaps: SwapReceipt[] = []
  readonly promotions: Promotion[] = []
  /** Calls of packages(), package() and status(). */
  reads = 0
  /** Calls of control(). */
  storeReads = 0
  state: ExecutorRow['state'] = 'ready'
  watch: Partial<ExecutorRow['watch']> = {}
  store: ExecutorRow['store'] = { state: 'ok', reason: null, waiting: 0 }
  onInvoke: FakeInvoke = async (_namespace, body) => answer(body)

  async invoke(namespace: string, body?: unknown, options: InvokeOptions = {}): Promise<unknown> {
    return JSON.parse((await this.invokeJson(namespace, JSON.stringify(body) ?? '', options)).json)
  }

  invokeJson(namespace: string, body: string, options: InvokeOptions = {}): Promise<InvokeAnswer> {
    return this.onInvoke(namespace, body, options)
  }

  status(): ExecutorRow {
    this.reads += 1
    const row = executorRow(this.state, this.rows.size)
    return { ...row, store: this.store, watch: { ...row.watch, ...this.watch } }
  }

  packages(): readonly PackageRow[] {
    this.reads += 1
    return [...this.rows.values()]
  }

  package(tenant: string, name: string): PackageRow | undefined {
    this.reads += 1
    return this.rows.get(`${tenant}::${name}`)
  }

  async receipts(query: Parameters<Executor['receipts']>[0]): Promise<readonly SwapReceipt[]> {
    return this.swaps
      .filter((s) => query.before === undefined || s.epoch < query.before)
      .filter((s) => query.tenant === undefined || s.tenant === query.tenant)
      .filter((s) => query.package === undefined || s.package === query.package)
      .sort((a, b) => b.epoch - a.epoch)
      .slice(0, query.limit)
  }

  async control(query: Parameters<Executor['control']>[0]): Promise<readonly ControlEntry[]> {
    this.storeReads += 1
    const found = this.log
      .filter((e) => e.seq > query.since)
      .filter((e) => query.tenant === undefined || e.tenant === query.tenant)
      .filter((e) => query.package === undefined || e.package === query.package)
    return query.newest === true ? found.slice(-query.limit) : found.slice(0, query.limit)
  }

  async promote(promotion: Promotion): Promise<void> {
    this.promotions.push(promotion)
  }

  async publish(): Promise<never> {
    throw new HeadgateError('EXECUTOR_CLOSING')
  }

  async loadPackage(): Promise<never> {
    throw new HeadgateError('EXECUTOR_CLOSING')
  }

  getTask(): never {
    throw new HeadgateError('EXECUTOR_CLOSING')
  }

  async reconcile(): Promise<void> {}

  async close(): Promise<void> {
    this.state = 'closed'
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Puts a row and says that it changed. */
  put(row: PackageRow): void {
    this.rows.set(`${row.tenant}::${row.package}`, row)
    this.events.emit('package', { tenant: row.tenant, package: row.package })
  }

  remove(tenant: string, name: string): void {
    this.rows.delete(`${tenant}::${name}`)
    this.events.emit('package', { tenant, package: name })
  }

  /** Appends to the control log; `announce` false: before this executor's time. */
  append(change: Partial<ControlEntry> = {}, announce = true): ControlEntry {
    const entry = controlEntry((this.log.at(-1)?.seq ?? 0) + 1, change)
    this.log.push(entry)
    if (announce) this.events.emit('control', entry)
    return entry
  }

  swap(epoch: number, change: Partial<SwapReceipt> = {}): void {
    const receipt = swapReceipt(epoch, change)
    const known = this.swaps.findIndex((s) => s.epoch === epoch)
    if (known < 0) this.swaps.push(receipt)
    else this.swaps[known] = receipt
    this.events.emit('receipt', receipt)
  }
}

/** No input is answered with null. */
export function answer(json: string): InvokeAnswer {
  return { json: json === '' ? 'null' : json, version: '1.2.0', generation: 7, epoch: 12 }
}

/** Ends only when its signal aborts, with the signal's reason. */
export function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal === undefined) reject(new HeadgateError('INTERNAL', { why: 'no signal' }))
    signal?.addEventListener('abort', () => reject(signal.reason))
  })
}

export function executorRow(state: ExecutorRow['state'], packages: number): ExecutorRow {
  return {
    boot: 'boot-1',
    version: '0.1.0',
    node: '26.0.0',
    pid: 4_711,
    startedAt: 1_000,
    now: 61_000,
    epoch: 1,
    state,
    packages,
    threads: 1,
    spare: 'ready',
    abandonedThreads: 0,
    rssBytes: 64 * 1_048_576,
    watch: {
      state: 'ok',
      mode: 'events',
      reason: null,
      watches: 3,
      lastReconcileAt: 60_000,
      lastReconcileMs: 3,
      entries: packages,
    },
    store: { state: 'ok', reason: null, waiting: 0 },
    isolation: { permissions: 'on', network: 'restricted' },
    signatures: 'off',
    refusals: [],
  }
}

export function packageRow(name: string, change: Partial<PackageRow> = {}): PackageRow {
  return {
    tenant: 'public',
    package: name,
    description: `the package ${name}`,
    author: null,
    epoch: 1,
    policy: 'auto',
    activeVersion: '1.2.0',
    activeGeneration: 7,
    versions: [
      {
        version: '1.2.0',
        digest: 'd'.repeat(64),
        entry: name,
        promotion: 'auto',
        signatures: [],
        doubt: null,
      },
    ],
    held: {},
    waiting: 0,
    generations: [
      {
        generation: 7,
        version: '1.2.0',
        digest: 'd'.repeat(64),
        state: 'active',
        since: 31_000,
        reason: 'promoted',
        threads: 1,
        requests: 0,
        workflows: 0,
        served: 0,
        failed: 0,
        exits: 0,
        p50Ms: null,
        p99Ms: null,
        blockers: [],
        drainDeadlineAt: null,
      },
    ],
    refusals: [],
    workflows: [
      {
        name: 'daily',
        description: null,
        namespace: `public::${name}::daily`,
        tasks: [{ name: 'extract', after: [], timeoutMs: 60_000, attempts: 1 }],
      },
    ],
    ...change,
  }
}

export function controlEntry(seq: number, change: Partial<ControlEntry> = {}): ControlEntry {
  return {
    seq,
    at: 1_000 + seq,
    boot: 'boot-1',
    tenant: 'public',
    package: 'analytics',
    version: '1.2.0',
    digest: 'd'.repeat(64),
    generation: 7,
    from: 'standby',
    to: 'active',
    reason: 'promoted',
    actor: 'executor',
    ...change,
  }
}

export function swapReceipt(epoch: number, change: Partial<SwapReceipt> = {}): SwapReceipt {
  return {
    epoch,
    at: 1_000 * epoch,
    tenant: 'public',
    package: 'analytics',
    from: { version: '1.1.0', generation: 6 },
    to: { version: '1.2.0', generation: 7 },
    reason: 'highest version',
    spare: 'hit',
    inFlightAtSwap: 3,
    moved: 2,
    drained: null,
    killed: null,
    lost: null,
    detectMs: 1,
    stageMs: 2,
    loadMs: 30,
    probeMs: 1,
    swapMs: 0.4,
    dropToSwapMs: 40,
    dropToFirstTaskMs: null,
    drainMs: null,
    ...change,
  }
}
