/**
 * The swap: commit the route, assign the registry value, promote one generation and supersede the
 * other, all but the commit in one synchronous step.
 *
 * X1  The route is committed to disk before it is assigned: after a crash the last committed route is
 *     restored, and nothing was answered by a version that was not.
 * X2  Between reading the old active generation and the assignment there is no await.
 */

import type { Clock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import { type PackagePolicy, type Route, withRoute } from '../domain/route.ts'
import type { Generation } from '../generation/generation.ts'
import type { RouteRecord, Store, SwapReceipt } from '../store/store.ts'
import type { Dispatcher, PackageLine } from './dispatcher.ts'
import type { NumberBlocks } from './number-blocks.ts'
import { type SwapFacts, SwapFollower } from './receipts.ts'
import type { Registry } from './registry.ts'

/** What the swap needs of a package's controller. */
export interface Routed {
  readonly tenant: string
  readonly package: string
  readonly line: PackageLine
  readonly policy: PackagePolicy
  readonly held: ReadonlyMap<string, string>
}

export interface SwapReason extends Omit<SwapFacts, 'epoch' | 'moved' | 'swapMs'> {
  readonly actor: string
}

export class Swapper {
  readonly registry: Registry
  readonly #store: Store
  readonly #dispatcher: Dispatcher
  readonly #epochs: NumberBlocks
  readonly #clock: Clock
  readonly #write: (receipt: SwapReceipt) => void
  readonly #followers = new Set<SwapFollower>()
  /** One commit and assignment at a time, so that epochs are assigned in order. */
  #turn: Promise<void> = Promise.resolve()

  constructor(deps: {
    readonly registry: Registry
    readonly store: Store
    readonly dispatcher: Dispatcher
    readonly epochs: NumberBlocks
    readonly clock: Clock
    readonly write: (receipt: SwapReceipt) => void
  }) {
    this.registry = deps.registry
    this.#store = deps.store
    this.#dispatcher = deps.dispatcher
    this.#epochs = deps.epochs
    this.#clock = deps.clock
    this.#write = deps.write
  }

  async swap(routed: Routed, to: Generation, why: SwapReason): Promise<void> {
    await this.#inTurn(async () => {
      // Promoted by the swap before this one.
      if (this.registry.active(routed.line.key) === to) return
      checkPromotable(to)
      const began = this.#clock.monotonic()
      const epoch = await this.#epochs.take()
      const before = this.registry.active(routed.line.key)
      await this.#store.commitRoute(record(routed, epoch, to, before), [])
      checkPromotable(to)
      const from = this.registry.active(routed.line.key)
      const moved = routed.line.waiting.size
      this.registry.assign(withRoute(this.registry.value, epoch, route(routed, to)))
      const swapMs = this.#clock.monotonic() - began
      const facts: SwapFacts = { ...why, epoch, moved, swapMs }
      const follower = new SwapFollower(this.#clock, from, to, facts, this.#write)
      this.#followers.add(follower)
      to.take('promote', why.reason, why.actor)
      from?.take('supersede', `${to.version} took its place`, why.actor)
      this.#dispatcher.schedule(routed.line)
    })
  }

  /** The active generation stays; what is held has changed. */
  async hold(routed: Routed): Promise<void> {
    await this.#inTurn(async () => {
      const epoch = await this.#epochs.take()
      const active = this.registry.active(routed.line.key)
      if (active === undefined) return
      await this.#store.commitRoute(record(routed, epoch, active, active), [])
      this.registry.assign(withRoute(this.registry.value, epoch, route(routed, active)))
    })
  }

  /** Nothing serves this package from now on; what waits is refused. */
  async unroute(routed: Routed, reason: string): Promise<void> {
    await this.#inTurn(async () => {
      const epoch = await this.#epochs.take()
      const before = this.registry.active(routed.line.key)
      await this.#store.commitRoute(record(routed, epoch, null, before), [])
      const from = this.registry.active(routed.line.key)
      this.registry.assign(withRoute(this.registry.value, epoch, route(routed, null)))
      from?.take('supersede', reason)
      const { tenant, package: name } = routed
      this.#dispatcher.refuseAll(
        routed.line,
        new HeadgateError('NO_ACTIVE_VERSION', { tenant, package: name, why: reason }),
      )
    })
  }

  /** Completes the receipts that wait for this generation. */
  transitioned(generation: Generation): void {
    if (generation.state === 'draining' || generation.state === 'terminating') return
    for (const follower of this.#followers) {
      if (follower.from === undefined) this.#followers.delete(follower)
      else if (follower.from === generation) {
        follower.settled()
        this.#followers.delete(follower)
      }
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return mine
  }
}

function checkPromotable(to: Generation): void {
  if (to.can('promote')) return
  throw new HeadgateError('LOAD_FAILED', {
    package: to.package,
    version: to.version,
    why: `it was lost before the swap (${to.state})`,
  })
}

function route(routed: Routed, to: Generation | null): Route {
  return {
    tenant: routed.tenant,
    package: routed.package,
    policy: routed.policy,
    active: to?.number ?? null,
    activeVersion: to?.version ?? null,
    held: new Map(routed.held),
  }
}

function record(
  routed: Routed,
  epoch: number,
  to: Generation | null,
  before: Generation | undefined,
): RouteRecord {
  return {
    tenant: routed.tenant,
    package: routed.package,
    epoch,
    version: to?.version ?? null,
    digest: to?.digest ?? null,
    previousVersion: before?.version ?? null,
    previousDigest: before?.digest ?? null,
    policy: routed.policy,
    held: Object.fromEntries(routed.held),
  }
}
