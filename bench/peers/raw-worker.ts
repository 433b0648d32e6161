/** One message in, one message out. */

import { parentPort } from 'node:worker_threads'
import { handlers } from './handlers.ts'

export interface RawRequest {
  readonly id: number
  readonly kind: string
  readonly input: unknown
}

export interface RawReply {
  readonly id: number
  readonly value: unknown
}

async function run({ id, kind, input }: RawRequest): Promise<void> {
  const value = await handlers[kind]?.(input as never)
  parentPort?.postMessage({ id, value } satisfies RawReply)
}

parentPort?.on('message', (request: RawRequest) => void run(request))
