/** Bare worker threads, one postMessage per task each way, to the worker with the fewest tasks. */

import { Worker } from 'node:worker_threads'
import type { Peer, PeerOptions } from './peer.ts'
import type { RawReply, RawRequest } from './raw-worker.ts'

class RawLane {
  readonly worker = new Worker(new URL('./raw-worker.ts', import.meta.url), { execArgv: [] })
  readonly pending = new Map<number, (value: unknown) => void>()
  #nextId = 0

  constructor() {
    this.worker.on('message', ({ id, value }: RawReply) => {
      const resolve = this.pending.get(id)
      this.pending.delete(id)
      resolve?.(value)
    })
  }

  call(kind: string, input: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      const id = this.#nextId++
      this.pending.set(id, resolve)
      this.worker.postMessage({ id, kind, input } satisfies RawRequest)
    })
  }
}

export async function openRaw(options: PeerOptions): Promise<Peer> {
  const lanes = Array.from({ length: options.threads }, () => new RawLane())
  return {
    call: (kind, input) => leastLoaded(lanes).call(kind, input),
    close: async () => void (await Promise.all(lanes.map((lane) => lane.worker.terminate()))),
  }
}

/** The lane with the fewest tasks under way; the first of equals. */
export function leastLoaded<Lane extends { readonly pending: ReadonlyMap<number, unknown> }>(
  lanes: readonly Lane[],
): Lane {
  let least = lanes[0]
  for (const lane of lanes) {
    if (least === undefined || lane.pending.size < least.pending.size) least = lane
  }
  if (least === undefined) throw new RangeError('no lanes')
  return least
}
