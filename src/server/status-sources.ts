/**
 * Where the rows of the state topics executor and packages come from (receipts: receipts-source.ts).
 *
 * Owns: which rows are dirty, and reading them from the executor.
 *
 * R1  Nothing is read from the executor while nobody watches the topic.
 * R2  `flush` reads what events made dirty; `refresh` also finds counters that moved without an
 *     event, and serialises only rows whose counters did.
 */

import type { Executor } from '../executor/api.ts'
import type { ExecutorRow, PackageRow } from '../protocol/status.ts'
import type { TopicFilter } from '../protocol/status-stream.ts'
import { rowKey } from '../protocol/topics.ts'
import { StateTopic } from './state-topic.ts'

export interface StatusSource {
  /** The topic whose rows a subscription with this filter is shown. */
  topicFor(filter: TopicFilter): StateTopic
  /** Makes the topic complete for a watcher that was just added. */
  load(topic: StateTopic): Promise<void>
  /** Reads what is dirty. */
  flush(): void
  /** Twice a second; does nothing unwatched. */
  refresh(): void
}

export class PackagesSource implements StatusSource {
  readonly topic = new StateTopic('packages')
  readonly #executor: Executor
  readonly #dirty = new Map<string, { readonly tenant: string; readonly package: string }>()
  readonly #counters = new Map<string, string>()

  constructor(executor: Executor) {
    this.#executor = executor
  }

  topicFor(): StateTopic {
    return this.topic
  }

  /** False: nobody is interested. */
  mark(name: { readonly tenant: string; readonly package: string }): boolean {
    if (this.topic.watchers === 0) return false
    this.#dirty.set(`${name.tenant}::${name.package}`, name)
    return true
  }

  async load(): Promise<void> {
    // Somebody watched before: the rows are complete but for what is dirty.
    if (this.topic.watchers > 1) this.flush()
    else this.#readAll()
  }

  flush(): void {
    for (const [key, name] of this.#dirty) {
      const row = this.#executor.package(name.tenant, name.package)
      if (row === undefined) this.#remove(key)
      else this.#put(row)
    }
    this.#dirty.clear()
  }

  refresh(): void {
    if (this.topic.watchers === 0) return
    const rows = this.#executor.packages()
    for (const row of rows) {
      if (this.#counters.get(rowKey.packages(row)) !== countersOf(row)) this.#put(row)
    }
    if (rows.length !== this.topic.size) this.#removeAllBut(rows)
  }

  #readAll(): void {
    this.#dirty.clear()
    const rows = this.#executor.packages()
    this.#removeAllBut(rows)
    for (const row of rows) this.#put(row)
  }

  #removeAllBut(rows: readonly PackageRow[]): void {
    const present = new Set(rows.map(rowKey.packages))
    for (const key of [...this.topic.keys()]) if (!present.has(key)) this.#remove(key)
  }

  #put(row: PackageRow): void {
    const key = rowKey.packages(row)
    this.#counters.set(key, countersOf(row))
    this.topic.put({ key, tenant: row.tenant, package: row.package, json: JSON.stringify(row) })
  }

  #remove(key: string): void {
    this.#counters.delete(key)
    this.topic.delete(key)
  }
}

/** What moves with each task; cheap beside the whole row. */
function countersOf(row: PackageRow): string {
  let text = `${row.waiting}`
  for (const g of row.generations) {
    text += `|${g.generation},${g.requests},${g.workflows},${g.served},${g.failed},${g.threads},${g.exits}`
  }
  return text
}

export class ExecutorSource implements StatusSource {
  readonly topic = new StateTopic('executor')
  readonly #executor: Executor
  #signature = ''
  #dirty = false

  constructor(executor: Executor) {
    this.#executor = executor
  }

  topicFor(): StateTopic {
    return this.topic
  }

  mark(): boolean {
    this.#dirty = this.topic.watchers > 0
    return this.#dirty
  }

  async load(): Promise<void> {
    this.refresh()
  }

  flush(): void {
    if (!this.#dirty) return
    this.#dirty = false
    this.refresh()
  }

  refresh(): void {
    if (this.topic.watchers === 0) return
    const row = this.#executor.status()
    const signature = signatureOf(row)
    if (signature === this.#signature) return
    this.#signature = signature
    this.topic.put({ key: 'executor', tenant: null, package: null, json: JSON.stringify(row) })
  }
}

/** The row without what always moves: the time, and memory below 4 MiB steps. */
function signatureOf(row: ExecutorRow): string {
  return JSON.stringify({ ...row, now: 0, rssBytes: Math.round(row.rssBytes / 4_194_304) })
}
