/**
 * What happened and still has to be written down: transitions, receipts, digests of versions.
 *
 * Owns: what was not written yet, writing it again after a failure, saying that the store fails.
 * Does not own: routes, whose writing is part of a swap (routing/), how the store commits.
 *
 * B1  Transitions are written in order and once: after a failure the log is read first, because a
 *     store that died may have committed what it did not confirm.
 * B2  Of a receipt only the latest state is kept.
 * B3  What waits is bounded. Over the bound new transitions, and the oldest receipts, are left out
 *     and counted.
 * B4  What comes within GATHER_MS of the first travels with it: all that one swap says is one commit,
 *     made when the swap is over, and not one after another beside the calls that it moves.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { doubling } from '../base/doubling.ts'
import { HeadgateError, toHeadgateError } from '../base/errors.ts'
import type {
  ControlEntry,
  KnownVersion,
  NewControlEntry,
  Store,
  SwapReceipt,
} from '../store/store.ts'

const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 5_000
const GATHER_MS = 5
/** Written by one call. */
const MOST_ENTRIES = 500

export interface OutboxDeps {
  readonly store: Pick<Store, 'append' | 'control' | 'know' | 'putReceipt'>
  readonly clock: Clock
  /** Newest in the log so far. */
  readonly lastSeq: number
  /** Told once per failure, not per try. */
  readonly onFault: (error: unknown) => void
  readonly onCommitted: (entry: ControlEntry) => void
  /** Transitions, and receipts, that may wait. Default 10_000. */
  readonly limit?: number
}

export class Outbox {
  readonly #deps: OutboxDeps
  readonly #limit: number
  #entries: NewControlEntry[] = []
  readonly #receipts = new Map<number, SwapReceipt>()
  readonly #known = new Set<KnownVersion>()
  #lastSeq: number
  /** Of `#entries`: sent, and perhaps committed. */
  #uncertain = false
  #dropped = 0
  #writing: Promise<void> | undefined
  /** B4 */
  #gathering: Timer | undefined
  #retry: Timer | undefined
  #tries = 0
  #failure: HeadgateError | null = null
  #closed = false

  constructor(deps: OutboxDeps) {
    this.#deps = deps
    this.#limit = deps.limit ?? 10_000
    this.#lastSeq = deps.lastSeq
  }

  /** What waits to be written. */
  get size(): number {
    return this.#entries.length + this.#receipts.size + this.#known.size
  }

  /** Why the last try failed; null: it did not. */
  get failure(): HeadgateError | null {
    return this.#failure
  }

  append(entry: NewControlEntry): void {
    if (this.#entries.length < this.#limit) this.#entries.push(entry)
    else this.#dropped++
    this.#writeSoon()
  }

  putReceipt(receipt: SwapReceipt): void {
    const [oldest] = this.#receipts.keys()
    const isFull = this.#receipts.size >= this.#limit && !this.#receipts.has(receipt.epoch)
    if (isFull && oldest !== undefined) {
      this.#receipts.delete(oldest)
      this.#dropped++
    }
    this.#receipts.set(receipt.epoch, receipt)
    this.#writeSoon()
  }

  /** Not bounded: there is one a version, and the versions themselves are kept. */
  know(version: KnownVersion): void {
    this.#known.add(version)
    this.#writeSoon()
  }

  /** Resolves when all that came before is written, or could not be: then the store is behind. */
  async written(): Promise<void> {
    if (this.#gathering !== undefined) this.#write()
    await this.#writing
  }

  /** Writes what waits, with one last try; what cannot be written then is told as a fault. */
  async close(): Promise<void> {
    this.#closed = true
    this.#retry?.cancel()
    this.#retry = undefined
    await this.#writing
    if (this.size > 0) this.#write()
    await this.#writing
    if (this.size === 0) return
    const why = `${this.size} records could not be written before the end`
    this.#deps.onFault(new HeadgateError('STORE_FAILED', { why }))
  }

  #writeSoon(): void {
    if (this.#isUnderWay()) return
    this.#gathering = this.#deps.clock.after(GATHER_MS, () => this.#write())
  }

  #write(): void {
    this.#gathering?.cancel()
    this.#gathering = undefined
    if (this.#isUnderWay()) return
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined
      // Came after the last look, and nothing has failed.
      if (this.size > 0 && this.#failure === null) this.#write()
    })
  }

  #isUnderWay(): boolean {
    return (this.#gathering ?? this.#writing ?? this.#retry) !== undefined
  }

  async #writeAll(): Promise<void> {
    while (this.size > 0) {
      const [failure] = (await this.#writeSome()).filter((error) => error !== null)
      if (failure === undefined) this.#succeeded()
      else {
        this.#failed(failure)
        return
      }
    }
  }

  /** What became of each call; null: there is nothing to write again. */
  async #writeSome(): Promise<(HeadgateError | null)[]> {
    const { store } = this.#deps
    const receipts = [...this.#receipts].map(([epoch, receipt]) =>
      this.#settled(store.putReceipt(receipt), () => {
        if (this.#receipts.get(epoch) === receipt) this.#receipts.delete(epoch)
      }),
    )
    const known = [...this.#known].map((version) =>
      this.#settled(store.know(version), () => void this.#known.delete(version)),
    )
    return Promise.all([this.#appendSome(), ...receipts, ...known])
  }

  /** B1 */
  async #appendSome(): Promise<HeadgateError | null> {
    const { store } = this.#deps
    if (this.#entries.length === 0) return null
    if (this.#uncertain) {
      try {
        this.#committed(await store.control({ since: this.#lastSeq, limit: MOST_ENTRIES }))
      } catch (error) {
        return toHeadgateError(error)
      }
      return this.#appendSome()
    }
    this.#uncertain = true
    const batch = this.#entries.slice(0, MOST_ENTRIES)
    return this.#settled(store.append(batch), (entries) => {
      if (entries === undefined) this.#entries = this.#entries.slice(batch.length)
      else this.#committed(entries)
    })
  }

  /**
   * `done` is told what was committed; undefined: the record itself was refused, which another try
   * does not change.
   */
  async #settled<T>(
    call: Promise<T>,
    done: (value: T | undefined) => void,
  ): Promise<HeadgateError | null> {
    try {
      done(await call)
    } catch (thrown) {
      const error = toHeadgateError(thrown)
      if (error.code === 'STORE_FAILED') return error
      done(undefined)
      this.#deps.onFault(error)
    }
    return null
  }

  /** The first that wait are in the log. */
  #committed(entries: readonly ControlEntry[]): void {
    this.#uncertain = false
    this.#entries = this.#entries.slice(entries.length)
    for (const entry of entries) {
      this.#lastSeq = entry.seq
      this.#deps.onCommitted(entry)
    }
  }

  #succeeded(): void {
    this.#tries = 0
    this.#failure = null
    if (this.#dropped === 0) return
    const why = `${this.#dropped} records were left out of log and receipts while it failed`
    this.#dropped = 0
    this.#deps.onFault(new HeadgateError('STORE_FAILED', { why }))
  }

  #failed(error: HeadgateError): void {
    if (this.#failure === null) this.#deps.onFault(error)
    this.#failure = error
    if (this.#closed) return
    const wait = doubling(FIRST_RETRY_MS, LONGEST_RETRY_MS, this.#tries++)
    this.#retry = this.#deps.clock.after(wait, () => {
      this.#retry = undefined
      this.#write()
    })
  }
}
