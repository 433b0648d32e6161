/**
 * The swap: commit the route, assign the registry value, promote one generation and supersede the
 * other, all but the commit in one synchronous step.
 *
 * X1  A promotion is committed to disk before it is assigned: after a crash the last committed route
 *     is restored, and nothing was answered by a version that was not.
 * X2  Between reading the old active generation and the assignment there is no await.
 * X3  What leads away from a version (a quarantine, the end of the last one) is assigned first: a
 *     full disk does not keep the traffic on one that dies or is gone. It is on disk as soon as that
 *     can be written.
 * X4  Whether a swap is still wanted is asked in its own turn: what was asked for before may have
 *     been decided otherwise by the swaps it waited for.
 * X5  What was committed and could not come into force is committed back; so is what may have been,
 *     by a store that died between the commit and its answer.
 */

import type { Clock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import type { Holds } from '../domain/holds.ts'
import { type PackagePolicy, type Route, withRoute } from '../domain/route.ts'
import type { Generation } from '../generation/generation.ts'
import type { RouteRecord, Store, SwapReceipt } from '../store/store.ts'
import type { Dispatcher, PackageLine } from './dispatcher.ts'
import type { NumberBlocks } from './number-blocks.ts'
import { type SwapFacts, SwapFollower } from './receipts.ts'
import type { Registry } from './registry.ts'
import { RouteRecords } from './route-records.ts'

/** What the swap needs of a package's controller. */
export interface Routed {
  readonly tenant: string
  readonly package: string
  readonly line: PackageLine
  /** In force now. */
  readonly policy: PackagePolicy
  readonly held: Holds
  /** What is in force once `to` is active. */
  policyOf(to: Generation): PackagePolicy
  /** In the step of the assignment. */
  routed(held: Holds, to: Generation | null): void
}

export interface SwapPlan extends Omit<SwapFacts, 'epoch' | 'moved' | 'swapMs'> {
  readonly actor: string
  /** X3 */
  readonly first: 'commit' | 'assign'
  /** X4: false, and nothing is done. What it throws is thrown. */
  readonly isWanted: () => boolean
  /** What is held afterwards. */
  readonly holds: (before: Holds) => Holds
}

export class Swapper {
  readonly registry: Registry
  readonly records: RouteRecords
  readonly #dispatcher: Dispatcher
  readonly #epochs: NumberBlocks
  readonly #clock: Clock
  readonly #write: (receipt: SwapReceipt) => void
  readonly #followers = new Set<SwapFollower>()
  /** One commit and assignment at a time, so that epochs are assigned in order. */
  #turn: Promise<void> = Promise.resolve()

  constructor(deps: {
    readonly registry: Registry
    readonly store: Pick<Store, 'commitRoute'>
    readonly dispatcher: Dispatcher
    readonly epochs: NumberBlocks
    readonly clock: Clock
    readonly write: (receipt: SwapReceipt) => void
    readonly onFault: (error: unknown) => void
  }) {
    this.registry = deps.registry
    this.#dispatcher = deps.dispatcher
    this.#epochs = deps.epochs
    this.#clock = deps.clock
    this.#write = deps.write
    const inTurn = (work: () => Promise<void>): Promise<void> => this.#inTurn(work)
    this.records = new RouteRecords({ ...deps, inTurn })
  }

  /** Resolves when `to` is active, or is not wanted any more. */
  async swap(routed: Routed, to: Generation, plan: SwapPlan): Promise<void> {
    const giveBack = to.claims.take()
    try {
      await this.#inTurn(() => this.#swap(routed, to, plan))
    } finally {
      giveBack()
    }
  }

  /** Holds more versions, or fewer; what is active stays. Never waits for the disk to be well. */
  async hold(routed: Routed, change: (before: Holds) => Holds): Promise<void> {
    await this.#inTurn(async () => {
      const epoch = await this.#epochs.take()
      const held = change(routed.held)
      const active = this.registry.active(routed.line.key) ?? null
      const record = this.#recordOf(routed, epoch, held, active)
      this.#assign(routed, record, held, active)
      await this.records.keep(record)
    })
  }

  /** Nothing serves this package from now on; what waits is refused. X3 */
  async unroute(routed: Routed, reason: string, isWanted: () => boolean): Promise<void> {
    await this.#inTurn(async () => {
      const epoch = await this.#epochs.take()
      if (!isWanted()) return
      const record = this.#recordOf(routed, epoch, routed.held, null)
      const from = this.registry.active(routed.line.key)
      this.#assign(routed, record, routed.held, null)
      from?.take('supersede', reason)
      const { tenant, package: name } = routed
      this.#dispatcher.refuseAll(
        routed.line,
        new HeadgateError('NO_ACTIVE_VERSION', { tenant, package: name, why: reason }),
      )
      await this.records.keep(record)
    })
  }

  /** Resolves when all swaps asked for so far have ended. */
  settled(): Promise<void> {
    return this.#turn
  }

  /** Completes the receipts that wait for this generation. */
  transitioned(generation: Generation): void {
    const { state } = generation
    if (state === 'draining' || state === 'terminating' || state === 'quarantined') return
    for (const follower of this.#followers) {
      if (follower.from !== generation) continue
      this.#followers.delete(follower)
      // What is retired with calls in flight has yet to end them; what is revived goes on with them.
      if (generation.live) follower.settled()
      else generation.ledger.onceZero(() => follower.settled())
    }
  }

  async #swap(routed: Routed, to: Generation, plan: SwapPlan): Promise<void> {
    const began = this.#clock.monotonic()
    const epoch = await this.#epochs.take()
    if (!plan.isWanted()) return
    const isActive = this.registry.active(routed.line.key) === to
    if (isActive && !changes(routed.held, plan.holds(routed.held))) return
    if (!isActive) checkPromotable(to)
    const record = this.#recordOf(routed, epoch, plan.holds(routed.held), to)
    if (plan.first === 'commit') await this.#commit(record, to, isActive)
    const from = this.registry.active(routed.line.key)
    const moved = routed.line.waiting.size
    // Anew: a quarantine may have added to them during the commit.
    this.#assign(routed, record, plan.holds(routed.held), to)
    if (from !== to) {
      const swapMs = this.#clock.monotonic() - began
      const facts: SwapFacts = { ...plan, epoch, moved, swapMs }
      const follower = new SwapFollower(this.#clock, from, to, facts, this.#write)
      if (from !== undefined) this.#followers.add(follower)
      to.take('promote', plan.reason, plan.actor)
      from?.take('supersede', `${to.version} took its place`, plan.actor)
      this.#dispatcher.schedule(routed.line)
    }
    if (plan.first === 'assign') await this.records.keep(record)
  }

  /** X5 */
  async #commit(record: RouteRecord, to: Generation, isActive: boolean): Promise<void> {
    try {
      await this.records.commit(record)
      if (!isActive) checkPromotable(to)
    } catch (error) {
      const epoch = await this.#epochs.take().catch(() => record.epoch)
      await this.records.takeBack(record, epoch)
      throw error
    }
  }

  #assign(routed: Routed, record: RouteRecord, held: Holds, to: Generation | null): void {
    const { tenant, package: name, policy, epoch } = record
    const route: Route = {
      tenant,
      package: name,
      policy,
      active: to?.number ?? null,
      activeVersion: to?.version ?? null,
      held,
    }
    this.registry.assign(withRoute(this.registry.value, epoch, route))
    this.records.assigned(record)
    routed.routed(held, to)
  }

  #recordOf(routed: Routed, epoch: number, held: Holds, to: Generation | null): RouteRecord {
    const { tenant, package: name } = routed
    const policy = to === null ? routed.policy : routed.policyOf(to)
    return this.records.next({ tenant, package: name, epoch, to, policy, held })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return mine
  }
}

/** It may have ended while it waited for its turn, or for the disk. */
function checkPromotable(to: Generation): void {
  if (to.can('promote')) return
  throw new HeadgateError('LOAD_INTERRUPTED', {
    package: to.package,
    version: to.version,
    why: `it ended before the swap (${to.state})`,
  })
}

function changes(before: Holds, after: Holds): boolean {
  if (before.size !== after.size) return true
  for (const [version, why] of after) if (before.get(version) !== why) return true
  return false
}
