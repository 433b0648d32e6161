/**
 * What the executor keeps over restarts: control log, routes, receipts, known versions, numbers.
 *
 * One interface; `sqlite/` is the embedded implementation. All calls are asynchronous, and each
 * resolves only when what it wrote is committed and synced to disk. Calls that arrive while a
 * commit runs share the next one.
 */

import type { HeadgateError } from '../base/errors.ts'
import type { GenerationState } from '../domain/generation-state.ts'
import type { PackagePolicy } from '../domain/route.ts'

/** One transition of one generation (or of a drop before it has a generation: 0). */
export interface ControlEntry {
  /** Order over all boots, from 1. */
  readonly seq: number
  /** Wall clock, ms. */
  readonly at: number
  readonly boot: string
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly generation: number
  readonly from: GenerationState | null
  readonly to: GenerationState
  readonly reason: string
  /** `executor`, `watcher`, or who asked. */
  readonly actor: string
}

export type NewControlEntry = Omit<ControlEntry, 'seq' | 'boot'>

/** The committed route of one (tenant, package); restored at the next boot. */
export interface RouteRecord {
  readonly tenant: string
  readonly package: string
  readonly epoch: number
  /** null: unrouted. */
  readonly version: string | null
  readonly digest: string | null
  readonly previousVersion: string | null
  readonly previousDigest: string | null
  readonly policy: PackagePolicy
  /** Versions that automatic promotion passes over, with the reason. */
  readonly held: Readonly<Record<string, string>>
}

export interface KnownVersion {
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly firstSeenAt: number
}

/** The record each swap leaves. Times in ms. */
export interface SwapReceipt {
  readonly epoch: number
  readonly at: number
  readonly tenant: string
  readonly package: string
  readonly from: { readonly version: string; readonly generation: number } | null
  readonly to: { readonly version: string; readonly generation: number }
  readonly reason: string
  readonly spare: 'hit' | 'miss' | 'revive'
  /** Bound requests and workflow invokes of the old generation at the swap. */
  readonly inFlightAtSwap: number
  /** Requests that waited at the swap, or were handed over but never begun: bound to the new one. */
  readonly moved: number
  /** Of `inFlightAtSwap`: ended on the old generation; null while it drains. */
  readonly drained: number | null
  readonly killed: number | null
  /** Calls the old generation let go since the swap and nobody answered; null while draining. */
  readonly lost: number | null
  /**
   * From the drop's last change, its being renamed in included, to when it was noticed, as exact as
   * the clock of the file system (some ms); null: unknown.
   */
  readonly detectMs: number | null
  readonly stageMs: number | null
  readonly loadMs: number | null
  readonly probeMs: number | null
  /** Commit of the route and the assignment. */
  readonly swapMs: number
  /** From detection to the assignment. */
  readonly dropToSwapMs: number | null
  /** The same to the first answer of the new generation; null before it. */
  readonly dropToFirstTaskMs: number | null
  readonly drainMs: number | null
  /**
   * true: the executor ended before the old generation had drained. What is null stays so: what
   * became of those calls nobody saw.
   */
  readonly cutOff?: true
}

export interface StoreSnapshot {
  readonly routes: readonly RouteRecord[]
  readonly known: readonly KnownVersion[]
  /** seq of the newest control entry, 0 when there is none. */
  readonly lastSeq: number
}

export interface Store {
  /** Why every call fails now; null: they need not. */
  readonly fault: HeadgateError | null
  /** Opens or creates; DATA_DIR_IN_USE when another process holds it. */
  open(): Promise<StoreSnapshot>
  /** Appends in order; resolves with the entries as numbered. */
  append(entries: readonly NewControlEntry[]): Promise<readonly ControlEntry[]>
  /** Inserts, or replaces the route of the same tenant and package. */
  commitRoute(route: RouteRecord): Promise<void>
  /** Records the digest of a version, unless one is on record already: the first stays. */
  know(version: KnownVersion): Promise<void>
  /** First of `count` numbers that were never given before in this data dir. */
  reserve(what: 'generation' | 'epoch', count: number): Promise<number>
  /** Inserts, or replaces the receipt of the same epoch. */
  putReceipt(receipt: SwapReceipt): Promise<void>
  /** Newest first; `before` is an epoch. */
  receipts(query: {
    readonly tenant?: string
    readonly package?: string
    readonly before?: number
    readonly limit: number
  }): Promise<readonly SwapReceipt[]>
  /** Entries with seq > since, oldest first: the first `limit` of them, or the newest ones. */
  control(query: {
    readonly since: number
    readonly limit: number
    /** Default false. */
    readonly newest?: boolean
    readonly tenant?: string
    readonly package?: string
  }): Promise<readonly ControlEntry[]>
  close(): Promise<void>
}
