/**
 * One client's subscription to a state topic: what it has been told and what it still must be.
 *
 * Owns: the parts of its snapshot, its dirty keys, its frame numbers.
 * Does not own: the socket and its back-pressure (status-client.ts), the rows (state-topic.ts).
 *
 * B1  Frames are made when the socket can take them, from the newest rows; a slow client costs a set
 *     of keys, never a queue of frames.
 * B2  A key that changes while its snapshot is being sent stays dirty until the first delta after it.
 * B3  `seq` grows by one with each snapshot and each delta; a delta's `prev` is the one before.
 */

import type { TopicFilter } from '../protocol/status-stream.ts'
import { ROWS_PER_FRAME } from '../protocol/topics.ts'
import type { StateTopic, TopicRow, TopicWatcher } from './state-topic.ts'

/** A frame ends early at this many characters, so that one frame never fills a client's buffer. */
const FRAME_CHARS = 512 * 1024

type Phase =
  | { readonly kind: 'loading' }
  | { readonly kind: 'snapshot'; readonly keys: readonly string[]; next: number; part: number }
  | { readonly kind: 'live' }

export interface StateSubscriptionOptions {
  readonly id: string
  readonly topic: StateTopic
  readonly filter: TopicFilter
  /** ms between deltas. */
  readonly gapMs: number
  readonly boot: string
}

export class StateSubscription implements TopicWatcher {
  readonly id: string
  readonly #topic: StateTopic
  readonly #filter: TopicFilter
  readonly #gapMs: number
  readonly #boot: string
  readonly #dirty = new Set<string>()
  #phase: Phase = { kind: 'loading' }
  #seq = 0
  #nextDeltaAt = 0

  constructor(options: StateSubscriptionOptions) {
    this.id = options.id
    this.#topic = options.topic
    this.#filter = options.filter
    this.#gapMs = options.gapMs
    this.#boot = options.boot
    this.#topic.watch(this)
  }

  /** Something waits to be sent, now or when its time has come. */
  get pending(): boolean {
    return this.#phase.kind === 'snapshot' || this.#dirty.size > 0
  }

  changed(row: TopicRow): void {
    if (this.#phase.kind !== 'loading' && this.#passes(row)) this.#dirty.add(row.key)
  }

  /** Begins a snapshot of the topic as it is. */
  begin(): void {
    this.#dirty.clear()
    this.#seq += 1
    const keys = [...this.#topic.keys()].filter((key) => {
      const row = this.#topic.get(key)
      return row !== undefined && this.#passes(row)
    })
    this.#phase = { kind: 'snapshot', keys, next: 0, part: 0 }
  }

  /** Starts over after the client fell behind; the frame that tells it so. */
  restart(reason: string): string | null {
    if (this.#phase.kind === 'loading') return null
    this.begin()
    return JSON.stringify({ type: 'gone', id: this.id, reason })
  }

  /** The next frame; null: nothing to send at this time. */
  next(monotonic: number, now: number): string | null {
    switch (this.#phase.kind) {
      case 'loading':
        return null
      case 'snapshot':
        return this.#snapshotPart(this.#phase, now)
      case 'live':
        if (this.#dirty.size === 0 || monotonic < this.#nextDeltaAt) return null
        this.#nextDeltaAt = monotonic + this.#gapMs
        return this.#delta(now)
    }
  }

  close(): void {
    this.#topic.unwatch(this)
  }

  #passes(row: TopicRow): boolean {
    const { tenant, package: name } = this.#filter
    return (
      (tenant === undefined || row.tenant === null || row.tenant === tenant) &&
      (name === undefined || row.package === null || row.package === name)
    )
  }

  #snapshotPart(phase: Extract<Phase, { kind: 'snapshot' }>, now: number): string {
    const rows: string[] = []
    let chars = 0
    while (phase.next < phase.keys.length && rows.length < ROWS_PER_FRAME && chars < FRAME_CHARS) {
      const row = this.#topic.get(phase.keys[phase.next] ?? '')
      phase.next += 1
      if (row === undefined) continue
      rows.push(row.json)
      chars += row.json.length
    }
    const last = phase.next >= phase.keys.length
    const { part } = phase
    phase.part += 1
    if (last) this.#phase = { kind: 'live' }
    return (
      `{"type":"snapshot","id":${JSON.stringify(this.id)},"boot":${JSON.stringify(this.#boot)}` +
      `,"seq":${this.#seq},"now":${now},"rows":[${rows.join(',')}],"part":${part},"last":${last}}`
    )
  }

  #delta(now: number): string {
    const put: string[] = []
    const del: string[] = []
    let chars = 0
    for (const key of this.#dirty) {
      if (put.length + del.length >= ROWS_PER_FRAME || chars >= FRAME_CHARS) break
      this.#dirty.delete(key)
      const row = this.#topic.get(key)
      if (row === undefined) del.push(key)
      else {
        put.push(row.json)
        chars += row.json.length
      }
    }
    // What did not fit is part of the same flush and does not wait for the next one.
    if (this.#dirty.size > 0) this.#nextDeltaAt = 0
    const prev = this.#seq
    this.#seq += 1
    return (
      `{"type":"delta","id":${JSON.stringify(this.id)},"prev":${prev},"seq":${this.#seq}` +
      `,"now":${now},"put":[${put.join(',')}],"del":${JSON.stringify(del)}}`
    )
  }
}
