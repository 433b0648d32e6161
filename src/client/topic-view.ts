/**
 * What a client knows of one topic: the frames of one subscription put together again.
 *
 * Owns: the rows, the place in the sequence.
 * Does not own: the socket (status-stream.ts).
 *
 * W1  A delta that does not continue the sequence is never applied; the view asks to start over.
 * W2  Rows are replaced at the last part of a snapshot, in one step: no half list is ever shown.
 * W3  Frames of an earlier subscription are void: each subscription has its own id.
 */

import type { ServerFrame, TopicFilter } from '../protocol/status-stream.ts'
import { rowKey, type StateTopicName, type TopicName, type TopicRows } from '../protocol/topics.ts'

export interface WatchChange<Row> {
  /** Rows that are new or different; after a snapshot all of them. */
  readonly put: readonly Row[]
  /** Keys of rows that are gone. */
  readonly del: readonly string[]
  /** The rows were replaced whole: at the beginning, after a lost connection, after a gap. */
  readonly isSnapshot: boolean
  /** Server's wall clock, ms. */
  readonly now: number
  readonly boot: string
}

/** `rows`: everything known now; for `control` the entries that came. */
export type OnRows<T extends TopicName> = (
  rows: readonly TopicRows[T][],
  change: WatchChange<TopicRows[T]>,
) => void

export interface TopicViewOptions<T extends TopicName> {
  readonly topic: T
  readonly onRows: OnRows<T>
  readonly filter?: TopicFilter
  /** control only: entries after this seq; default: from now on. */
  readonly since?: number
  /** Updates a second, at most. */
  readonly maxHz?: number
}

/** `gap`: something was lost, subscribe again. */
export type Applied = 'applied' | 'gap'

export type SubscriptionFrame = Extract<
  ServerFrame,
  { type: 'snapshot' | 'delta' | 'gone' | 'event' }
>

/** What the stream needs of a view, whatever its rows are. */
export interface FrameSink {
  /** The frame that subscribes under this id; forgets the place in the sequence. */
  subscribe(id: string): string
  apply(frame: SubscriptionFrame, boot: string): Applied
  /** Every entry up to `seq` has been told: a later subscription may go on from there. */
  bookmark(seq: number): void
}

export class TopicView<T extends TopicName> implements FrameSink {
  readonly #options: TopicViewOptions<T>
  #rows = new Map<string, TopicRows[T]>()
  #parts: TopicRows[T][] = []
  #nextPart = 0
  /** null: a snapshot must come first. */
  #seq: number | null = null
  #since: number | undefined
  #boot = ''

  constructor(options: TopicViewOptions<T>) {
    this.#options = options
    this.#since = options.since
  }

  subscribe(id: string): string {
    this.#seq = null
    this.#nextPart = 0
    const { topic, filter, maxHz } = this.#options
    return JSON.stringify({ type: 'subscribe', id, topic, filter, maxHz, since: this.#since })
  }

  apply(frame: SubscriptionFrame, boot: string): Applied {
    switch (frame.type) {
      case 'snapshot':
        return this.#snapshot(frame)
      case 'delta':
        return this.#delta(frame)
      case 'gone':
        this.#seq = null
        this.#nextPart = 0
        return 'applied'
      case 'event':
        this.#boot = boot
        this.#since = frame.seq
        this.#tellEvent(frame.entry as TopicRows[T], frame.entry.at)
        return 'applied'
    }
  }

  bookmark(seq: number): void {
    if (this.#options.topic === 'control') this.#since = Math.max(seq, this.#since ?? 0)
  }

  #snapshot(frame: Extract<ServerFrame, { type: 'snapshot' }>): Applied {
    if (frame.part === 0) this.#parts = []
    else if (frame.part !== this.#nextPart) return 'gap'
    this.#nextPart = frame.part + 1
    this.#parts.push(...(frame.rows as TopicRows[T][]))
    if (!frame.last) return 'applied'
    this.#seq = frame.seq
    this.#boot = frame.boot
    this.#rows = new Map(this.#parts.map((row) => [this.#keyOf(row), row]))
    this.#parts = []
    this.#tell({ put: [...this.#rows.values()], del: [], isSnapshot: true, now: frame.now })
    return 'applied'
  }

  #delta(frame: Extract<ServerFrame, { type: 'delta' }>): Applied {
    if (this.#seq === null || frame.prev !== this.#seq) return 'gap'
    this.#seq = frame.seq
    const put = frame.put as TopicRows[T][]
    for (const row of put) this.#rows.set(this.#keyOf(row), row)
    for (const key of frame.del) this.#rows.delete(key)
    this.#tell({ put, del: frame.del, isSnapshot: false, now: frame.now })
    return 'applied'
  }

  #tell(change: Omit<WatchChange<TopicRows[T]>, 'boot'>): void {
    this.#options.onRows([...this.#rows.values()], { ...change, boot: this.#boot })
  }

  #tellEvent(entry: TopicRows[T], now: number): void {
    const change = { put: [entry], del: [], isSnapshot: false, now, boot: this.#boot }
    this.#options.onRows([entry], change)
  }

  #keyOf(row: TopicRows[T]): string {
    const key = rowKey[this.#options.topic as StateTopicName] as (row: TopicRows[T]) => string
    return key(row)
  }
}
