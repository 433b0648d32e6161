/**
 * The control log as an event topic: a short memory of the newest entries, the store for the rest.
 *
 * Owns: the newest seq, the newest entries as text, each subscription's position.
 *
 * C1  The memory is contiguous: a gap in seq empties it, and readers go to the store.
 * C2  A subscription never skips an entry that passes its filter: it reads on from its position, so
 *     a slow client is late, not gapped.
 */

import { type HeadgateError, toHeadgateError } from '../base/errors.ts'
import type { Executor } from '../executor/api.ts'
import type { ControlEntryRow } from '../protocol/status.ts'
import type { TopicFilter } from '../protocol/status-stream.ts'

interface FeedEntry {
  readonly seq: number
  readonly tenant: string
  readonly package: string
  readonly json: string
}

const KEPT = 1_024
const PAGE = 256

export class ControlFeed {
  readonly #executor: Executor
  #entries: FeedEntry[] = []
  #head = 0

  constructor(executor: Executor) {
    this.#executor = executor
  }

  /** seq of the newest committed entry. */
  get head(): number {
    return this.#head
  }

  /** Finds the newest seq. */
  async start(): Promise<void> {
    const [newest] = await this.#executor.control({ since: 0, limit: 1, newest: true })
    this.#head = Math.max(this.#head, newest?.seq ?? 0)
  }

  push(entry: ControlEntryRow): void {
    if (entry.seq <= this.#head) return
    if (entry.seq !== this.#head + 1) this.#entries = []
    this.#head = entry.seq
    this.#entries.push(feedEntry(entry))
    if (this.#entries.length > 2 * KEPT) this.#entries = this.#entries.slice(-KEPT)
  }

  /** Entries after `position` from memory; null: it does not reach back that far. */
  recent(position: number): readonly FeedEntry[] | null {
    const first = this.#entries[0]
    if (first === undefined || position < first.seq - 1) return position >= this.#head ? [] : null
    return this.#entries.slice(position - first.seq + 1)
  }

  /** One page after `position` from the store, and the position it reaches. */
  async page(
    position: number,
    filter: TopicFilter,
  ): Promise<{ readonly entries: readonly FeedEntry[]; readonly position: number }> {
    // Everything up to the head of this moment is committed, so a short page covers it.
    const head = this.#head
    const found = await this.#executor.control({
      since: position,
      limit: PAGE,
      ...(filter.tenant === undefined ? {} : { tenant: filter.tenant }),
      ...(filter.package === undefined ? {} : { package: filter.package }),
    })
    const last = found.at(-1)?.seq ?? position
    return {
      entries: found.map(feedEntry),
      position: found.length < PAGE ? Math.max(head, last) : last,
    }
  }
}

function feedEntry(entry: ControlEntryRow): FeedEntry {
  const { seq, tenant, package: name } = entry
  return { seq, tenant, package: name, json: JSON.stringify(entry) }
}

export class ControlSubscription {
  readonly id: string
  readonly #feed: ControlFeed
  readonly #filter: TopicFilter
  readonly #onPage: () => void
  /** Every entry up to here has been queued or did not pass. */
  #position: number
  #queue: readonly FeedEntry[] = []
  #sent = 0
  #reading = false
  #failure: HeadgateError | undefined

  constructor(options: {
    readonly id: string
    readonly feed: ControlFeed
    readonly filter: TopicFilter
    readonly since: number
    /** A page came from the store; next() has something, or failure is set. */
    readonly onPage: () => void
  }) {
    this.id = options.id
    this.#feed = options.feed
    this.#filter = options.filter
    this.#position = options.since
    this.#onPage = options.onPage
  }

  get pending(): boolean {
    return !this.#reading && (this.#sent < this.#queue.length || this.#position < this.#feed.head)
  }

  /** The client has been told of every entry up to this one. */
  get settled(): number {
    const next = this.#queue[this.#sent]
    return next === undefined ? this.#position : next.seq - 1
  }

  /** The store refused; the subscription is at its end. */
  get failure(): HeadgateError | undefined {
    return this.#failure
  }

  next(): string | null {
    if (this.#sent >= this.#queue.length) this.#refill()
    const entry = this.#queue[this.#sent]
    if (entry === undefined) return null
    this.#sent += 1
    return `{"type":"event","id":${JSON.stringify(this.id)},"seq":${entry.seq},"entry":${entry.json}}`
  }

  close(): void {
    this.#queue = []
  }

  #refill(): void {
    if (this.#reading || this.#position >= this.#feed.head) return
    const recent = this.#feed.recent(this.#position)
    if (recent !== null) {
      this.#take(
        recent.filter((entry) => this.#passes(entry)),
        this.#feed.head,
      )
      return
    }
    this.#reading = true
    this.#feed.page(this.#position, this.#filter).then(
      ({ entries, position }) => {
        this.#reading = false
        this.#take(entries, Math.max(position, this.#position))
        this.#onPage()
      },
      (error: unknown) => {
        this.#reading = false
        this.#failure = toHeadgateError(error)
        this.#onPage()
      },
    )
  }

  #take(entries: readonly FeedEntry[], position: number): void {
    this.#queue = entries
    this.#sent = 0
    this.#position = position
  }

  #passes(entry: FeedEntry): boolean {
    const { tenant, package: name } = this.#filter
    return (
      (tenant === undefined || entry.tenant === tenant) &&
      (name === undefined || entry.package === name)
    )
  }
}
