/**
 * The upper bound: the least code that moves tasks to bare threads in batches, with no registry,
 * ledger, limits, schema, permissions or errors. Both sides flush at setImmediate.
 */

import { Worker } from 'node:worker_threads'
import type { ReplyBatch, RequestBatch } from './floor-worker.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { leastLoaded } from './raw.ts'

class FloorLane {
  readonly worker = new Worker(new URL('./floor-worker.ts', import.meta.url), { execArgv: [] })
  readonly pending = new Map<number, (value: unknown) => void>()
  readonly #oneBatchUnderway: boolean
  #batch: RequestBatch = []
  #underway = false
  #nextId = 0

  constructor(oneBatchUnderway: boolean) {
    this.#oneBatchUnderway = oneBatchUnderway
    this.worker.on('message', (replies: ReplyBatch) => {
      this.#underway = false
      if (this.#oneBatchUnderway && this.#batch.length > 0) setImmediate(this.#flush)
      for (let at = 0; at < replies.length; at += 2) {
        const id = replies[at] as number
        const resolve = this.pending.get(id)
        this.pending.delete(id)
        resolve?.(replies[at + 1])
      }
    })
  }

  call(kind: string, input: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      const id = this.#nextId++
      this.pending.set(id, resolve)
      if (this.#batch.push(id, kind, input) === 3 && !this.#underway) setImmediate(this.#flush)
    })
  }

  readonly #flush = (): void => {
    if (this.#batch.length === 0) return
    const batch = this.#batch
    this.#batch = []
    this.#underway = this.#oneBatchUnderway
    this.worker.postMessage(batch)
  }
}

export interface FloorOptions extends PeerOptions {
  /**
   * true: at most one unacknowledged batch a lane. Default false: a batch leaves at every
   * setImmediate. On the machine of README.md the two are equal within their spread.
   */
  readonly oneBatchUnderway?: boolean
}

export async function openFloor(options: FloorOptions): Promise<Peer> {
  const one = options.oneBatchUnderway ?? false
  const lanes = Array.from({ length: options.threads }, () => new FloorLane(one))
  return {
    call: (kind, input) => leastLoaded(lanes).call(kind, input),
    close: async () => void (await Promise.all(lanes.map((lane) => lane.worker.terminate()))),
  }
}
