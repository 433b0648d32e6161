/**
 * A package's controller with its registry, swaps and a store on disk. Generations are real but have
 * no threads: a load ends, and a commit begins, when the test says so.
 */

import type { Test } from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { resolveOptions } from '../../src/domain/package-json.ts'
import { Generation, type GenerationUpcalls } from '../../src/generation/generation.ts'
import { Dispatcher, PackageLine } from '../../src/routing/dispatcher.ts'
import type { Loaded } from '../../src/routing/generation-factory.ts'
import { NumberBlocks } from '../../src/routing/number-blocks.ts'
import { PackageController } from '../../src/routing/package-controller.ts'
import { Registry } from '../../src/routing/registry.ts'
import { Swapper } from '../../src/routing/swap.ts'
import type { StagedDrop } from '../../src/source/source.ts'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import type { RouteRecord, Store, SwapReceipt } from '../../src/store/store.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'

export interface Controlled {
  readonly controller: PackageController
  readonly registry: Registry
  readonly clock: ManualClock
  readonly receipts: SwapReceipt[]
  readonly faults: unknown[]
  /** Version and refusal of each load that was asked for, in order. */
  readonly loads: string[]
  drop(version: string, promotion?: string): StagedDrop
  remove(version: string): void
  /** What a load of the version waits for; without one it ends at once. */
  slow(version: string): { end(error?: HeadgateError): void }
  /** Commits wait from now on; `fail`: they fail at once; `lost`: nobody learns that they are made. */
  commits: 'pass' | 'fail' | 'lost' | Promise<void>
  /** A commit has begun. */
  committing(): Promise<void>
  generation(version: string): Generation
  /** What a restart would find. */
  onDisk(): Promise<RouteRecord | undefined>
  idle(): Promise<void>
  until(what: string, condition: () => boolean): Promise<void>
}

export async function openController(t: Test, dir: string = t.testdir()): Promise<Controlled> {
  const boot = { dataDir: dir, boot: 'boot', durability: 'os' } as const
  const store = createSqliteStore(boot, { logger: silentLogger })
  const snapshot = await store.open()
  const clock = new ManualClock()
  const registry = new Registry()
  const dispatcher = new Dispatcher(registry)
  const receipts: SwapReceipt[] = []
  const faults: unknown[] = []
  const loads: string[] = []
  const waits = new Map<string, PromiseWithResolvers<void>>()
  const background = new Set<Promise<unknown>>()
  let begun = 0
  const guarded: Pick<Store, 'commitRoute'> = {
    async commitRoute(route) {
      begun++
      if (controlled.commits === 'fail') throw new HeadgateError('STORE_FAILED', { why: 'full' })
      if (controlled.commits instanceof Promise) await controlled.commits
      await store.commitRoute(route)
      if (controlled.commits === 'lost') throw new HeadgateError('STORE_FAILED', { why: 'it died' })
    },
  }
  const swapper = new Swapper({
    registry,
    store: guarded,
    dispatcher,
    epochs: new NumberBlocks(store, 'epoch'),
    clock,
    write: (receipt) => void receipts.push(receipt),
    onFault: (error) => void faults.push(error),
  })
  let number = 0
  const upcalls: GenerationUpcalls = {
    transition: (generation) => controller.transitioned(generation),
    capacity: () => {},
    gaveBack: () => {},
    log: () => {},
    invoke: () => {},
    crashed: () => {},
    notReplaced: () => {},
    crashLoop: (generation, exits) => controller.crashLoop(generation, exits),
    threadsChanged: () => {},
    unavailable: () => {},
  }
  const load = async (
    drop: StagedDrop,
    born: (generation: Generation) => void,
  ): Promise<Loaded> => {
    loads.push(drop.version)
    const generation = makeGeneration(drop, ++number, clock, upcalls)
    born(generation)
    generation.take('load', 'a test')
    try {
      await waits.get(drop.version)?.promise
      generation.take('imported', 'a test')
      generation.take('ready', 'a test')
    } catch (error) {
      if (generation.can('refuse')) generation.take('refuse', 'a test')
      throw error
    }
    return { generation, spare: 'miss', times: { loadMs: 1, probeMs: 1 } }
  }
  const controller = new PackageController({
    line: new PackageLine('public', 'p'),
    swapper,
    generationUpcalls: upcalls,
    loadVersion: (drop, _, born) => load(drop, born),
    after: (ms, fn) => void clock.after(ms, fn),
    now: () => clock.now(),
    background: (work) => {
      const tracked: Promise<unknown> = work.then(
        () => background.delete(tracked),
        (error: unknown) => {
          background.delete(tracked)
          faults.push(error)
        },
      )
      background.add(tracked)
    },
    changed: () => {},
    warn: () => {},
    ready: () => true,
  })
  for (const route of snapshot.routes) controller.restore(route)
  const controlled: Controlled = {
    controller,
    registry,
    clock,
    receipts,
    faults,
    loads,
    commits: 'pass',
    drop(version, promotion) {
      const drop = dropOf(version, promotion)
      controller.staged(drop)
      return drop
    },
    remove: (version) => controller.removed(dropOf(version)),
    slow(version) {
      const wait = Promise.withResolvers<void>()
      wait.promise.catch(() => {})
      waits.set(version, wait)
      return {
        end: (error) => {
          if (error === undefined) wait.resolve()
          else wait.reject(error)
        },
      }
    },
    async committing() {
      const before = begun
      await until(() => begun > before, 'a commit')
    },
    generation(version) {
      const found = controller.generations().find((one) => one.version === version)
      if (found === undefined) throw new Error(`no generation of ${version}`)
      return found
    },
    async onDisk() {
      await swapper.settled()
      await store.close()
      const reader = createSqliteStore({ ...boot, boot: 'next' }, { logger: silentLogger })
      const { routes } = await reader.open()
      await reader.close()
      return routes[0]
    },
    async idle() {
      await controller.settled()
      while (background.size > 0) await Promise.all(background)
      await swapper.settled()
    },
    until: (what, condition) => until(condition, what),
  }
  t.teardown(async () => {
    controlled.commits = 'pass'
    await controller.close(true)
    await store.close()
  })
  return controlled
}

function dropOf(version: string, promotion?: string): StagedDrop {
  return {
    entry: `p-${version}`,
    tenant: 'public',
    package: 'p',
    version,
    digest: version,
    entryFile: 'index.js',
    options: resolveOptions(promotion === undefined ? {} : { promotion }),
    manifest: null,
    signatures: [],
    doubt: null,
    artifactDir: '/nowhere',
    files: 1,
    bytes: 1,
    landedAt: null,
    detectedAt: 0,
    stagedAt: 0,
  }
}

function makeGeneration(
  drop: StagedDrop,
  number: number,
  clock: ManualClock,
  upcalls: GenerationUpcalls,
): Generation {
  return new Generation({
    number,
    digest: drop.digest,
    load: {
      type: 'load',
      entry: drop.entryFile,
      tenant: drop.tenant,
      package: drop.package,
      version: drop.version,
      generation: number,
      boot: 'boot',
      env: {},
      config: null,
      secrets: {},
      maxPayloadBytes: 1,
      schemas: false,
    },
    declared: null,
    accepted: null,
    threads: 1,
    drainTimeoutMs: 30_000,
    keepWarmMs: 60_000,
    loadTimeoutMs: 30_000,
    killGraceMs: 5_000,
    link: async () => {},
    withThread: () => Promise.reject(new Error('no thread here')),
    clock,
    upcalls,
  })
}
