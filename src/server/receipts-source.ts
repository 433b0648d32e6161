/**
 * Where the rows of the topic receipts come from: the store, and events from then on.
 *
 * Q1  There is one topic a filter, holding the newest rows that pass it: of one topic for all, a
 *     quiet package's receipts would be gone. A topic lives while it is watched.
 * Q2  What comes as an event while the store is read is newer than the store's answer.
 */

import type { Executor } from '../executor/api.ts'
import type { SwapReceiptRow } from '../protocol/status.ts'
import type { TopicFilter } from '../protocol/status-stream.ts'
import { rowKey } from '../protocol/topics.ts'
import { StateTopic } from './state-topic.ts'
import type { StatusSource } from './status-sources.ts'

/** Newest receipts a topic holds. */
const RECEIPTS_KEPT = 100

/** The receipts that pass one filter. */
interface Receipts {
  readonly topic: StateTopic
  readonly filter: TopicFilter
  loading: Promise<void> | undefined
}

export class ReceiptsSource implements StatusSource {
  readonly #executor: Executor
  readonly #topics = new Map<string, Receipts>()

  constructor(executor: Executor) {
    this.#executor = executor
  }

  topicFor({ tenant, package: name }: TopicFilter): StateTopic {
    this.#dropUnwatched()
    const key = JSON.stringify([tenant ?? null, name ?? null])
    const known = this.#topics.get(key)
    if (known !== undefined) return known.topic
    const filter: TopicFilter = {
      ...(tenant === undefined ? {} : { tenant }),
      ...(name === undefined ? {} : { package: name }),
    }
    const topic = new StateTopic('receipts')
    this.#topics.set(key, { topic, filter, loading: undefined })
    return topic
  }

  /** A receipt was written or completed. */
  add(receipt: SwapReceiptRow): boolean {
    this.#dropUnwatched()
    let isWatched = false
    for (const { topic, filter, loading } of this.#topics.values()) {
      // Before the first load the store's answer will carry it.
      if (loading === undefined || !passes(filter, receipt)) continue
      put(topic, receipt)
      isWatched = true
    }
    return isWatched
  }

  load(topic: StateTopic): Promise<void> {
    const receipts = [...this.#topics.values()].find((one) => one.topic === topic)
    if (receipts === undefined) return Promise.resolve()
    receipts.loading ??= this.#load(receipts).catch((error: unknown) => {
      receipts.loading = undefined
      throw error
    })
    return receipts.loading
  }

  async #load({ topic, filter }: Receipts): Promise<void> {
    const { tenant, package: name } = filter
    const found = await this.#executor.receipts({
      limit: RECEIPTS_KEPT,
      ...(tenant === undefined ? {} : { tenant }),
      ...(name === undefined ? {} : { package: name }),
    })
    for (const receipt of found) {
      // Q2
      if (topic.get(rowKey.receipts(receipt)) === undefined) put(topic, receipt)
    }
  }

  flush(): void {}

  refresh(): void {}

  #dropUnwatched(): void {
    for (const [key, { topic }] of this.#topics) if (topic.watchers === 0) this.#topics.delete(key)
  }
}

function passes({ tenant, package: name }: TopicFilter, receipt: SwapReceiptRow): boolean {
  return (
    (tenant === undefined || receipt.tenant === tenant) &&
    (name === undefined || receipt.package === name)
  )
}

function put(topic: StateTopic, receipt: SwapReceiptRow): void {
  topic.put({
    key: rowKey.receipts(receipt),
    tenant: receipt.tenant,
    package: receipt.package,
    json: JSON.stringify(receipt),
  })
  const epochs = [...topic.keys()].map(Number).sort((a, b) => b - a)
  for (const epoch of epochs.slice(RECEIPTS_KEPT)) topic.delete(String(epoch))
}
