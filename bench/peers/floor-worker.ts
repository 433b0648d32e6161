/** Serves batches: answers gather until setImmediate and leave together. */

import { parentPort } from 'node:worker_threads'
import { handlers } from './handlers.ts'

/** Flat on purpose: `[id, kind, input, id, kind, input, …]`. */
export type RequestBatch = unknown[]
/** `[id, value, id, value, …]` */
export type ReplyBatch = unknown[]

let replies: ReplyBatch = []

function flush(): void {
  const batch = replies
  replies = []
  parentPort?.postMessage(batch)
}

async function run(id: number, kind: string, input: unknown): Promise<void> {
  const value = await handlers[kind]?.(input as never)
  if (replies.push(id, value) === 2) setImmediate(flush)
}

parentPort?.on('message', (batch: RequestBatch) => {
  for (let at = 0; at < batch.length; at += 3) {
    void run(batch[at] as number, batch[at + 1] as string, batch[at + 2])
  }
})
