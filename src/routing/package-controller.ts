/**
 * Decides, for one (tenant, package), which version is loaded and gets the traffic.
 *
 * Owns: the versions present, policy and holds, the one loop that loads, promotes, falls back, and
 * the versions loaded for a pin.
 * Does not own: how a version is loaded (generation-factory.ts), how the swap is made (swap.ts).
 *
 * O1  The loop is level-triggered: it compares what should be active with what is, until they agree.
 *     One loop at a time; what arrives meanwhile is seen in its next round.
 * O2  A version that cannot be loaded is refused and passed over; the active one serves on.
 * O3  Downgrades happen only when the active version has left the folder or is in a crash loop, and
 *     never under the policy `manual`.
 */

import { HeadgateError } from '../base/errors.ts'
import { type Holds, holdsAfterPromotion, quarantineReason } from '../domain/holds.ts'
import type { PackagePolicy } from '../domain/route.ts'
import {
  compareVersions,
  highestEligible,
  matchVersion,
  parsePolicy,
} from '../domain/version-policy.ts'
import type { Generation } from '../generation/generation.ts'
import type { RemovedDrop, StagedDrop } from '../source/source.ts'
import type { RouteRecord } from '../store/store.ts'
import { Catalog } from './catalog.ts'
import type { ControllerDeps } from './controller-deps.ts'
import type { PackageLine } from './dispatcher.ts'
import type { Loaded } from './generation-factory.ts'
import { IdleWatch } from './idle-watch.ts'
import { LoadRefusals } from './load-refusals.ts'
import { versionToPromote } from './target.ts'
import { WorkflowAliases } from './workflow-aliases.ts'

/** Generations of one package that may be loading or serving at once. */
const GENERATION_LIMIT = 4
/** Drained generations of one package kept warm; the oldest goes first. */
const WARM_LIMIT = 4

export class PackageController {
  readonly tenant: string
  readonly package: string
  readonly line: PackageLine
  readonly catalog: Catalog = new Catalog()
  readonly held: Map<string, string> = new Map()
  readonly aliases: WorkflowAliases = new WorkflowAliases()
  /** A version of it was taken in once, now or in an earlier boot. */
  known = false
  readonly #deps: ControllerDeps
  readonly #generations = new Set<Generation>()
  /** How a loaded generation came to be, for its receipt. */
  readonly #loaded = new WeakMap<Generation, Loaded & { readonly drop: StagedDrop }>()
  readonly #loads = new Map<string, Promise<Generation>>()
  /** Generations loaded for a pin. */
  readonly #idle: IdleWatch
  readonly #refusals: LoadRefusals
  #policy: PackagePolicy = { mode: 'auto' }
  #wanted: RouteRecord | undefined
  #loop: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(deps: ControllerDeps) {
    this.#deps = deps
    this.line = deps.line
    this.tenant = deps.line.tenant
    this.package = deps.line.package
    const { now, after, warn } = deps
    this.#idle = new IdleWatch(after)
    const eligible = (): void => this.settle()
    this.#refusals = new LoadRefusals({ catalog: this.catalog, now, after, warn, eligible })
  }

  get policy(): PackagePolicy {
    return this.#policy
  }

  get active(): Generation | undefined {
    return this.#deps.swapper.registry.active(this.line.key)
  }

  /** Newest first. */
  generations(): Generation[] {
    return [...this.#generations].sort((a, b) => b.number - a.number)
  }

  /** What was committed by an earlier boot. */
  restore(record: RouteRecord): void {
    this.known = true
    this.#wanted = record
    this.#policy = record.policy
    for (const [version, why] of Object.entries(record.held)) this.held.set(version, why)
  }

  staged(drop: StagedDrop): void {
    this.known = true
    this.catalog.add(drop)
    this.catalog.review(drop)
    if (this.#wanted === undefined && drop.options.promotion !== null) {
      this.#policy = parsePolicy(drop.options.promotion)
    }
    this.settle()
  }

  removed(drop: RemovedDrop): void {
    this.catalog.remove(drop.version)
    this.#refusals.forget(drop.version)
    this.settle()
  }

  /** Nobody can say yet whether its bytes will be called. */
  isLoading(version: string): boolean {
    return this.#loads.has(version)
  }

  /** A generation of a version that need not be in the catalog, and is not put there. */
  prepare(drop: StagedDrop): Promise<Generation> {
    return this.#load(drop.version, drop)
  }

  /** Starts the loop, or has it go round once more. */
  settle(): void {
    if (this.#closed || !this.#deps.ready()) return
    this.#again = true
    if (this.#loop !== undefined) return
    this.#loop = this.#run().finally(() => {
      this.#loop = undefined
      this.#deps.changed()
      // Asked for between the last round and now.
      if (this.#again) this.settle()
    })
    this.#deps.background(this.#loop)
  }

  /** Resolves when the loop rests. */
  async settled(): Promise<void> {
    while (this.#loop !== undefined) await this.#loop
  }

  /**
   * Routes to `version` now, an older one too, and holds what would undo it (domain/holds.ts).
   * Throws NO_MATCHING_VERSION or the reason why it cannot be loaded.
   */
  async promote(version: string, reason: string, actor: string): Promise<void> {
    if (this.catalog.get(version) === undefined) throw this.#noMatch(version)
    const generation = await this.#loadFor(version)
    const before = new Map(this.held)
    this.#hold(holdsAfterPromotion(before, version, this.catalog.versions(), reason))
    try {
      await this.#promote(generation, reason, actor)
    } catch (error) {
      this.#hold(before)
      throw error
    }
  }

  #hold(holds: Holds): void {
    this.held.clear()
    for (const [version, why] of holds) this.held.set(version, why)
  }

  /** The generation for a pin: the highest version that matches, loaded if it is not. */
  async pinned(wanted: string): Promise<Generation> {
    const version = matchVersion(wanted, this.catalog.eligible())
    if (version === null) throw this.#putOff(wanted) ?? this.#noMatch(wanted)
    const active = this.active
    if (active?.version === version && active.live) return active
    // A draining one has to come to its end, and a drained one may expire at any time; but when the
    // executor closes they stay until no task calls any more.
    const loaded = this.generations().find(
      (one) => one.version === version && (one.state === 'standby' || (this.#closed && one.live)),
    )
    const generation = loaded ?? (await this.#load(version))
    this.#idle.watch(generation)
    return generation
  }

  /** A generation left its state: makes room, keeps few warm, or takes a quarantined one's traffic. */
  transitioned(generation: Generation): void {
    const { state } = generation
    this.#deps.swapper.transitioned(generation)
    if (state === 'retired' || state === 'rejected') {
      this.#generations.delete(generation)
    }
    if (state === 'drained' && !this.#closed) this.#evictWarm()
    if (state === 'drained' || state === 'retired' || state === 'rejected') {
      this.#refusals.makeRoom()
    }
    this.#deps.changed()
  }

  /** Its threads die again and again: back to the version before, when there is one. */
  crashLoop(generation: Generation, exits: number): void {
    if (!generation.can('crashLoop')) return
    const { version } = generation
    const others = this.catalog.eligible().filter((other) => other !== version)
    const fallback = highestEligible(others, { mode: 'auto' }, this.held)
    if (this.active === generation && fallback === null) {
      this.#deps.warn(
        { package: this.package, version, exits },
        'crash loop, but no other version is present: it is restarted with growing pauses',
      )
      return
    }
    this.held.set(version, quarantineReason(exits))
    const drop = this.catalog.get(version)
    if (drop !== undefined) this.#refusals.crashed(drop, exits)
    this.#deps.background(this.#quarantine(generation, exits))
  }

  /** Loads are given up; what serves is drained, and stays for the tasks of other packages. */
  async drain(): Promise<void> {
    await this.#stopLoading()
    await this.#handedOver()
    await Promise.all(this.generations().map((generation) => generation.drain()))
  }

  async #stopLoading(): Promise<void> {
    this.#closed = true
    for (const generation of this.#generations) giveUp(generation)
    await Promise.allSettled([...this.#loads.values(), this.#loop])
  }

  /** Ends all generations; with `force` also what runs. */
  async close(force: boolean): Promise<void> {
    await this.#stopLoading()
    await Promise.all(this.generations().map((generation) => generation.close(force)))
  }

  /** Until nothing waits unpinned, or the active generation's drain timeout has passed. */
  async #handedOver(): Promise<void> {
    const { active, line } = this
    if (active === undefined || line.waiting.size === 0) return
    const limitMs = this.#loaded.get(active)?.drop.options.drainTimeoutMs ?? 0
    await new Promise<void>((resolve) => {
      line.onEmpty = resolve
      this.#deps.after(limitMs, resolve)
    })
  }

  async #quarantine(generation: Generation, exits: number): Promise<void> {
    const fallback = highestEligible(this.catalog.eligible(), { mode: 'auto' }, this.held)
    if (this.active === generation && fallback !== null) {
      const next = await this.#loadFor(fallback)
      await this.#promote(next, `${generation.version} lost ${exits} threads`, 'executor')
    }
    if (generation.can('crashLoop')) generation.take('crashLoop', `${exits} threads lost`)
    if (generation.can('retire')) generation.take('retire', 'quarantined')
    // Superseded with nothing in flight it had drained already.
    if (generation.can('expire')) generation.take('expire', 'quarantined')
  }

  async #run(): Promise<void> {
    do {
      this.#again = false
      while (await this.#step());
    } while (this.#again)
  }

  /** One round of the loop; true: look again. */
  async #step(): Promise<boolean> {
    if (this.#closed) return false
    const active = this.active
    const version = this.#target(active)
    if (version === null) {
      if (active === undefined || this.catalog.get(active.version) !== undefined) return false
      if (this.#policy.mode === 'manual' || this.#refusals.waitForRoom.length > 0) return false
      this.#deps.warn({ package: this.package, version: active.version }, 'no version is left')
      await this.#deps.swapper.unroute(this, 'the last version left the folder')
      return false
    }
    const drop = this.catalog.get(version)
    try {
      const generation = await this.#loadFor(version)
      if (this.#closed) return false
      const down = active !== undefined && compareVersions(version, active.version) < 0
      if (down) {
        this.#deps.warn(
          { package: this.package, from: active.version, to: version },
          'the active version left the folder: falling back',
        )
      }
      await this.#promote(generation, down ? `${active.version} was removed` : 'dropped', 'watcher')
      this.#wanted = undefined
      return true
    } catch (error) {
      if (this.#closed) return false
      // A load that failed has said so already; a swap has not. What came meanwhile is another matter.
      const isSame = drop !== undefined && this.catalog.get(version) === drop
      if (isSame && this.catalog.refusal(version) === undefined) this.#refusals.refuse(drop, error)
      return true
    }
  }

  #target(active: Generation | undefined): string | null {
    return versionToPromote({
      eligible: this.catalog.eligible(),
      policy: this.#policy,
      held: this.held,
      restored: this.#wanted?.version ?? null,
      active: active?.version ?? null,
      activePresent: active !== undefined && this.catalog.get(active.version) !== undefined,
    })
  }

  /** A generation of `version` that can be promoted or called. */
  #loadFor(version: string): Promise<Generation> {
    for (const generation of this.generations()) {
      if (generation.live && generation.version === version) return Promise.resolve(generation)
    }
    return this.#load(version)
  }

  /** A new generation of `version`; one load of a version at a time. */
  #load(version: string, drop = this.catalog.get(version)): Promise<Generation> {
    const running = this.#loads.get(version)
    if (running !== undefined) return running
    if (this.#closed) return Promise.reject(new HeadgateError('EXECUTOR_CLOSING'))
    if (drop === undefined) return Promise.reject(this.#noMatch(version))
    const load = this.#loadDrop(drop)
      .catch((error: unknown) => {
        if (this.#closed) throw new HeadgateError('EXECUTOR_CLOSING')
        // O2: whoever asked for it; what is refused is not loaded again and again.
        if (this.catalog.get(version) === drop) this.#refusals.refuse(drop, error)
        throw error
      })
      .finally(() => this.#loads.delete(version))
    this.#loads.set(version, load)
    return load
  }

  /** Why the version a pin means cannot be called for now. */
  #putOff(wanted: string): HeadgateError | undefined {
    const version = matchVersion(wanted, this.catalog.versions())
    const refusal = version === null ? undefined : this.catalog.refusal(version)
    return refusal?.kind === 'deferred' ? HeadgateError.fromRecord(refusal.error) : undefined
  }

  #noMatch(wanted: string): HeadgateError {
    return new HeadgateError('NO_MATCHING_VERSION', {
      package: this.package,
      wanted,
      present: this.catalog.versions().join(', ') || 'none',
    })
  }

  async #loadDrop(drop: StagedDrop): Promise<Generation> {
    const busy = this.generations().filter((one) => one.state !== 'drained').length
    if (busy >= GENERATION_LIMIT) {
      throw new HeadgateError('GENERATION_LIMIT', {
        package: this.package,
        version: drop.version,
        limit: GENERATION_LIMIT,
      })
    }
    const loaded = await this.#deps.loadVersion(drop, this.#deps.generationUpcalls, (born) => {
      this.#generations.add(born)
      this.#deps.swapper.registry.add(born)
      // It is loading right after this.
      if (this.#closed) queueMicrotask(() => giveUp(born))
    })
    this.#loaded.set(loaded.generation, { ...loaded, drop })
    this.#refusals.forget(drop.version)
    return loaded.generation
  }

  async #promote(generation: Generation, reason: string, actor: string): Promise<void> {
    if (this.active === generation) {
      await this.#deps.swapper.hold(this)
      return
    }
    const loaded = this.#loaded.get(generation)
    const fresh = generation.state === 'standby' && loaded !== undefined
    await this.#deps.swapper.swap(this, generation, {
      reason,
      actor,
      spare: fresh ? loaded.spare : 'revive',
      landedAt: fresh ? loaded.drop.landedAt : null,
      detectedAt: fresh ? loaded.drop.detectedAt : null,
      stagedAt: fresh ? loaded.drop.stagedAt : null,
      loadMs: fresh ? loaded.times.loadMs : null,
      probeMs: fresh ? loaded.times.probeMs : null,
    })
  }

  #evictWarm(): void {
    const warm = this.generations().filter((one) => one.state === 'drained' && one.ledger.zero)
    for (const generation of warm.sort((a, b) => b.since - a.since).slice(WARM_LIMIT)) {
      generation.take('expire', 'newer ones are warm')
    }
  }
}

/** Ends one that is still being loaded. */
function giveUp(generation: Generation): void {
  if (generation.can('refuse')) generation.take('refuse', 'the executor closes')
}
