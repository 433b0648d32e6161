/**
 * Routes as they are kept on disk: what is in force per (tenant, package), and what of it could not
 * be written yet.
 *
 * Owns: the record of each route in force, the versions before, writing again what failed.
 * Does not own: the registry value, the order of commit and assignment (swap.ts).
 *
 * K1  A record that is in force and not on disk is written again, later and later, until it or a
 *     newer one of its route is; a last time at the end.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { doubling } from '../base/doubling.ts'
import { HeadgateError, toHeadgateError } from '../base/errors.ts'
import { type PackagePolicy, routeKey } from '../domain/route.ts'
import type { Holds } from '../domain/holds.ts'
import type { RouteRecord, Store } from '../store/store.ts'

const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 5_000

export interface RouteRecordsDeps {
  readonly store: Pick<Store, 'commitRoute'>
  readonly clock: Clock
  /** Runs `work` in the swaps' turn. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>
  readonly onFault: (error: unknown) => void
}

/** What a route is to become. */
export interface NewRoute {
  readonly tenant: string
  readonly package: string
  readonly epoch: number
  /** null: unrouted. */
  readonly to: { readonly version: string; readonly digest: string } | null
  readonly policy: PackagePolicy
  readonly held: Holds
}

export class RouteRecords {
  readonly #deps: RouteRecordsDeps
  readonly #inForce = new Map<string, RouteRecord>()
  readonly #unsaved = new Map<string, RouteRecord>()
  #tries = 0
  #failure: HeadgateError | null = null
  #retry: Timer | undefined
  #closed = false

  constructor(deps: RouteRecordsDeps) {
    this.#deps = deps
  }

  /** Routes that are in force and would not survive a restart. */
  get unsaved(): number {
    return this.#unsaved.size
  }

  /** Why the last try to write one failed; null: all are on disk. */
  get failure(): HeadgateError | null {
    return this.#failure
  }

  get(key: string): RouteRecord | undefined {
    return this.#inForce.get(key)
  }

  /** What an earlier boot had committed. */
  restore(record: RouteRecord): void {
    this.#inForce.set(keyOf(record), record)
  }

  /** The record of a route that follows the one in force. */
  next({ to, held, ...route }: NewRoute): RouteRecord {
    const last = this.#inForce.get(keyOf(route))
    const isSame = last?.version === null || last?.version === to?.version
    return {
      ...route,
      version: to?.version ?? null,
      digest: to?.digest ?? null,
      previousVersion: (isSame ? last?.previousVersion : last?.version) ?? null,
      previousDigest: (isSame ? last?.previousDigest : last?.digest) ?? null,
      held: Object.fromEntries(held),
    }
  }

  /** Writes a record before it is in force. */
  async commit(record: RouteRecord): Promise<void> {
    await this.#deps.store.commitRoute(record)
    this.#unsaved.delete(keyOf(record))
    this.#tries = 0
    if (this.unsaved === 0) this.#failure = null
  }

  /** It is in force from now on. */
  assigned(record: RouteRecord): void {
    this.#inForce.set(keyOf(record), record)
  }

  /** Writes one that is in force already, now or as soon as that is possible (K1). Never rejects. */
  async keep(record: RouteRecord): Promise<void> {
    const key = keyOf(record)
    this.#unsaved.set(key, record)
    try {
      await this.commit(record)
    } catch (error) {
      this.#failed(error)
      this.#deps.onFault(error)
    }
  }

  /** Writes what is left; what cannot be written then is told as a fault. */
  async close(): Promise<void> {
    this.#closed = true
    this.#retry?.cancel()
    await this.#writeAll()
    if (this.unsaved === 0) return
    const routes = this.unsaved === 1 ? 'route' : 'routes'
    const why = `${this.unsaved} ${routes} could not be written before the end`
    this.#deps.onFault(new HeadgateError('STORE_FAILED', { why }))
  }

  /** Writes what is in force over a record that was committed and never came into force. */
  async takeBack(record: RouteRecord, epoch: number): Promise<void> {
    const blank = { ...record, version: null, digest: null }
    await this.keep({ ...(this.#inForce.get(keyOf(record)) ?? blank), epoch })
  }

  #failed(error: unknown): void {
    this.#failure = toHeadgateError(error)
    if (this.#closed || this.#retry !== undefined) return
    const { clock, inTurn } = this.#deps
    const wait = doubling(FIRST_RETRY_MS, LONGEST_RETRY_MS, this.#tries++)
    this.#retry = clock.after(wait, () => {
      this.#retry = undefined
      void inTurn(() => this.#writeAll())
    })
  }

  async #writeAll(): Promise<void> {
    try {
      for (const record of [...this.#unsaved.values()]) await this.commit(record)
    } catch (error) {
      // Told when it failed first; K1.
      this.#failed(error)
    }
  }
}

function keyOf(route: { readonly tenant: string; readonly package: string }): string {
  return routeKey(route.tenant, route.package)
}
