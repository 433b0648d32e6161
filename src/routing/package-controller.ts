/**
 * Decides, for one (tenant, package), which version is loaded and gets the traffic.
 *
 * Owns: the versions present, policy and holds, the one loop that loads, promotes and falls back.
 * Does not own: its generations (package-generations.ts), what is wanted as a value (target.ts), how
 * the swap is made (swap.ts).
 *
 * O1  The loop is level-triggered: it compares what should be active with what is, until they agree.
 *     One loop at a time; what arrives meanwhile is seen in its next round.
 * O2  A version that cannot be loaded is refused and passed over; the active one serves on.
 * O3  Downgrades happen only when the active version has left the folder or is in a crash loop;
 *     never under the policy `manual`, but for the version before one that is in a crash loop.
 * O4  What the loop wants is asked again after each wait: after the load, and in the swap's turn.
 * O5  The policy is that of the version in force, from the commit that makes it active; what another
 *     version says of promotion decides only whether it may promote itself.
 */

import { HeadgateError } from '../base/errors.ts'
import { type Holds, holdsAfterPromotion, quarantineReason } from '../domain/holds.ts'
import type { PackagePolicy } from '../domain/route.ts'
import { compareVersions, matchVersion } from '../domain/version-policy.ts'
import type { Generation } from '../generation/generation.ts'
import type { RemovedDrop, StagedDrop } from '../source/source.ts'
import type { RouteRecord } from '../store/store.ts'
import { Catalog } from './catalog.ts'
import type { ControllerDeps } from './controller-deps.ts'
import type { PackageLine } from './dispatcher.ts'
import { LoadRefusals } from './load-refusals.ts'
import { noMatch, notCallable } from './no-match.ts'
import { PackageGenerations } from './package-generations.ts'
import type { Routed, SwapPlan } from './swap.ts'
import { versionAfterCrash, versionToPromote } from './target.ts'
import { WorkflowAliases } from './workflow-aliases.ts'

export class PackageController implements Routed {
  readonly tenant: string
  readonly package: string
  readonly line: PackageLine
  readonly catalog: Catalog = new Catalog()
  readonly aliases: WorkflowAliases = new WorkflowAliases()
  readonly #deps: ControllerDeps
  readonly #generations: PackageGenerations
  readonly #refusals: LoadRefusals
  readonly #quarantining = new Set<Generation>()
  #held: Holds = new Map()
  /** O5; null: no version ever was in force. */
  #inForce: PackagePolicy | null = null
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
    const eligible = (): void => this.settle()
    this.#refusals = new LoadRefusals({ catalog: this.catalog, now, after, warn, eligible })
    this.#generations = new PackageGenerations({
      ...deps,
      loaded: ({ version }) => this.#refusals.forget(version),
      // O2: whoever asked for it; what is refused is not loaded again and again.
      failed: (drop, error) => {
        if (this.catalog.get(drop.version) === drop) this.#refusals.refuse(drop, error)
      },
    })
  }

  /** In force; before any version is, what the highest one says. */
  get policy(): PackagePolicy {
    if (this.#inForce !== null) return this.#inForce
    return this.catalog.promotionOf(this.catalog.versions()[0] ?? '')
  }

  get held(): Holds {
    return this.#held
  }

  get active(): Generation | undefined {
    return this.#deps.swapper.registry.active(this.line.key)
  }

  /** Something of it lies in the folder, or serves; else there is only what was. */
  get isPresent(): boolean {
    return !this.catalog.isEmpty || this.active !== undefined
  }

  /** Newest first. */
  generations(): Generation[] {
    return this.#generations.list()
  }

  /** What was committed by an earlier boot. */
  restore(record: RouteRecord): void {
    this.#wanted = record
    this.#held = new Map(Object.entries(record.held))
    // Holds are on record of packages, too, of which no version ever had the traffic.
    const wasInForce = record.version !== null || record.previousVersion !== null
    this.#inForce = wasInForce ? record.policy : null
    this.#deps.swapper.records.restore(record)
  }

  staged(drop: StagedDrop): void {
    this.catalog.add(drop)
    this.catalog.review(drop)
    this.settle()
  }

  removed(drop: RemovedDrop): void {
    this.catalog.remove(drop.version)
    this.#refusals.forget(drop.version)
    this.settle()
  }

  /** Nobody can say yet whether its bytes will be called. */
  isLoading(version: string): boolean {
    return this.#generations.isLoading(version)
  }

  /** A generation of a version that need not be in the catalog, and is not put there. */
  prepare(drop: StagedDrop): Promise<Generation> {
    return this.#generations.load(drop, 'promotion')
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
    const generation = await this.#loadFor(this.#present(version))
    await this.#promote(generation, {
      reason,
      actor,
      first: 'commit',
      isWanted: () => {
        this.#present(version)
        return true
      },
      holds: (before) => holdsAfterPromotion(before, version, this.catalog.versions(), reason),
    })
    // It may have left the folder while it was committed.
    this.settle()
  }

  policyOf({ version }: Generation): PackagePolicy {
    // Of one that left the folder while it was promoted nothing new is known.
    return this.catalog.get(version) === undefined ? this.policy : this.catalog.promotionOf(version)
  }

  routed(held: Holds, to: Generation | null): void {
    this.#held = held
    if (to === null) return
    this.#inForce = this.policyOf(to)
    this.#wanted = undefined
  }

  /**
   * The generation for a pin: the highest version that matches, loaded if it is not. One that is there
   * must be bound to in the same step. Throws NO_MATCHING_VERSION.
   */
  pinned(wanted: string): Generation | Promise<Generation> {
    const version = matchVersion(wanted, this.catalog.eligible())
    if (version === null) throw notCallable(this.package, this.catalog, wanted)
    const active = this.active
    if (active?.version === version && active.live) return active
    return (
      this.#generations.forPin(version) ?? this.#generations.load(this.#present(version), 'pin')
    )
  }

  /** A generation left its state. */
  transitioned(generation: Generation): void {
    const { state } = generation
    this.#deps.swapper.transitioned(generation)
    this.#generations.transitioned(generation)
    // One in standby counts no longer, or is ready: what waits for room may look again.
    if (['standby', 'drained', 'retired', 'rejected'].includes(state)) this.#refusals.makeRoom()
    this.#deps.changed()
  }

  /** Its threads die again and again: back to the version before, when there is one. */
  crashLoop(generation: Generation, exits: number): void {
    if (!generation.can('crashLoop') || this.#quarantining.has(generation)) return
    const { version } = generation
    if (this.active === generation && this.#afterCrash(version) === null) {
      this.#deps.warn(
        { package: this.package, version, exits },
        'crash loop, but no other version may take over: it is restarted with growing pauses',
      )
      return
    }
    this.#quarantining.add(generation)
    const quarantine = this.#quarantine(generation, exits)
    this.#deps.background(quarantine.finally(() => this.#quarantining.delete(generation)))
  }

  /** Loads are given up; what serves is drained, and stays for the tasks of other packages. */
  async drain(): Promise<void> {
    await this.#stopLoading()
    const { active } = this
    if (active !== undefined) {
      const limitMs = this.#generations.origin(active)?.drop.options.drainTimeoutMs ?? 0
      await this.line.emptied(limitMs, this.#deps.after)
    }
    await this.#generations.drain()
  }

  /** Ends all generations; with `force` also what runs. */
  async close(force: boolean): Promise<void> {
    await this.#stopLoading()
    await this.#generations.close(force)
  }

  /** While it closes: ends what it still waits for. */
  force(): Promise<void> {
    return this.#generations.close(true)
  }

  async #stopLoading(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([this.#generations.giveUpLoads(), this.#loop])
    // A swap that is being committed comes to its end: its generations are closed as it leaves them.
    await this.#deps.swapper.settled()
  }

  /** Assigned first, written when the disk allows it (swap.ts X3). */
  async #quarantine(generation: Generation, exits: number): Promise<void> {
    const { version } = generation
    const hold = (before: Holds): Holds => new Map(before).set(version, quarantineReason(exits))
    const isActive = (): boolean => this.active === generation
    const drop = this.catalog.get(version)
    if (drop !== undefined) this.#refusals.crashed(drop, exits)
    while (isActive()) {
      const fallback = this.#afterCrash(version)
      if (fallback === null) {
        // What could have taken over was refused: it stays, as one that never had another.
        this.#refusals.forget(version)
        return
      }
      const other = this.#present(fallback)
      const isThere = (): boolean => this.catalog.get(fallback) === other
      try {
        await this.#promote(await this.#loadFor(other), {
          reason: `${version} lost ${exits} threads`,
          actor: 'executor',
          first: 'assign',
          isWanted: () => isActive() && isThere(),
          holds: hold,
        })
      } catch (error) {
        if (this.#closed || (isThere() && this.catalog.refusal(fallback) === undefined)) throw error
      }
    }
    if (generation.can('crashLoop')) generation.take('crashLoop', `${exits} threads lost`)
    if (generation.can('retire')) generation.take('retire', 'quarantined')
    if (!this.#held.has(version)) await this.#deps.swapper.hold(this, hold)
    this.settle()
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
    const version = this.#target()
    if (version === null) {
      await this.#unrouteIfGone()
      return false
    }
    const drop = this.#present(version)
    try {
      const generation = await this.#loadFor(drop)
      if (this.#closed) return false
      // O4
      if (this.#target() !== version) return true
      const { active } = this
      const isDown = active !== undefined && compareVersions(version, active.version) < 0
      if (isDown) {
        this.#deps.warn(
          { package: this.package, from: active.version, to: version },
          'the active version left the folder: falling back',
        )
      }
      await this.#promote(generation, {
        reason: isDown ? `${active.version} was removed` : this.#whyPromoted(version),
        actor: 'watcher',
        first: 'commit',
        isWanted: () => this.#target() === version,
        holds: (before) => before,
      })
    } catch (error) {
      if (this.#closed) return false
      // A load that failed has said so already; a swap has not. What came meanwhile is another matter.
      const isSame = this.catalog.get(version) === drop
      if (isSame && this.catalog.refusal(version) === undefined) this.#refusals.refuse(drop, error)
    }
    return true
  }

  #whyPromoted(version: string): string {
    const isRestored = this.active === undefined && this.#wanted?.version === version
    return isRestored ? 'active before the restart' : 'dropped'
  }

  async #unrouteIfGone(): Promise<void> {
    const { active } = this
    const isLeft = (): boolean =>
      this.active === active &&
      active !== undefined &&
      this.catalog.get(active.version) === undefined &&
      this.#target() === null
    if (!isLeft() || this.policy.mode === 'manual' || this.#refusals.waitForRoom.length > 0) return
    this.#deps.warn({ package: this.package, version: active?.version }, 'no version is left')
    await this.#deps.swapper.unroute(this, 'the last version left the folder', isLeft)
  }

  /** The version to load and promote now; null: none. */
  #target(): string | null {
    const { active } = this
    return versionToPromote({
      eligible: this.catalog.candidates(),
      policy: this.#inForce,
      held: this.#held,
      restored: this.#wanted?.version ?? null,
      active: active?.version ?? null,
      activePresent: active !== undefined && this.catalog.get(active.version) !== undefined,
    })
  }

  #afterCrash(crashing: string): string | null {
    return versionAfterCrash({
      eligible: this.catalog.candidates(),
      policy: this.#inForce,
      held: this.#held,
      crashing,
      previous: this.#deps.swapper.records.get(this.line.key)?.previousVersion ?? null,
    })
  }

  /** A generation of the version that can be promoted or called. */
  async #loadFor(drop: StagedDrop): Promise<Generation> {
    return this.#generations.live(drop.version) ?? this.#generations.load(drop, 'promotion')
  }

  /** Throws NO_MATCHING_VERSION. */
  #present(version: string): StagedDrop {
    const drop = this.catalog.get(version)
    if (drop === undefined) throw noMatch(this.package, this.catalog, version)
    return drop
  }

  async #promote(
    generation: Generation,
    plan: Pick<SwapPlan, 'reason' | 'actor' | 'first' | 'isWanted' | 'holds'>,
  ): Promise<void> {
    const origin = this.#generations.origin(generation)
    const isFresh = generation.state === 'standby' && origin !== undefined
    await this.#deps.swapper.swap(this, generation, {
      ...plan,
      isWanted: () => {
        if (this.#closed) throw new HeadgateError('EXECUTOR_CLOSING')
        return plan.isWanted()
      },
      spare: isFresh ? origin.spare : 'revive',
      landedAt: isFresh ? origin.drop.landedAt : null,
      detectedAt: isFresh ? origin.drop.detectedAt : null,
      stagedAt: isFresh ? origin.drop.stagedAt : null,
      loadMs: isFresh ? origin.times.loadMs : null,
      probeMs: isFresh ? origin.times.probeMs : null,
    })
  }
}
