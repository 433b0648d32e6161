/**
 * A state topic: the newest row of every key, each serialised once for all who watch.
 *
 * Owns: the rows as text and who is told that one changed.
 * Does not own: where rows come from (status-sources.ts), what each client still has to be sent
 * (state-subscription.ts).
 *
 * T1  A put with the same text as before is no change; nobody is told.
 */

import type { StateTopicName } from '../protocol/topics.ts'

export interface TopicRow {
  readonly key: string
  /** null: belongs to none; such rows pass every filter. */
  readonly tenant: string | null
  readonly package: string | null
  readonly json: string
}

export interface TopicWatcher {
  /** The row under this key is another one now, or was taken away. */
  changed(row: TopicRow): void
}

export class StateTopic {
  readonly name: StateTopicName
  readonly #rows = new Map<string, TopicRow>()
  readonly #watchers = new Set<TopicWatcher>()

  constructor(name: StateTopicName) {
    this.name = name
  }

  get watchers(): number {
    return this.#watchers.size
  }

  get size(): number {
    return this.#rows.size
  }

  keys(): IterableIterator<string> {
    return this.#rows.keys()
  }

  get(key: string): TopicRow | undefined {
    return this.#rows.get(key)
  }

  put(row: TopicRow): void {
    if (this.#rows.get(row.key)?.json === row.json) return
    this.#rows.set(row.key, row)
    for (const watcher of this.#watchers) watcher.changed(row)
  }

  delete(key: string): void {
    const row = this.#rows.get(key)
    if (row === undefined) return
    this.#rows.delete(key)
    for (const watcher of this.#watchers) watcher.changed(row)
  }

  watch(watcher: TopicWatcher): void {
    this.#watchers.add(watcher)
  }

  unwatch(watcher: TopicWatcher): void {
    this.#watchers.delete(watcher)
  }
}
