/**
 * What the parts of the worker thread share: the port to the main thread and who is running.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { MessagePort } from 'node:worker_threads'
import type { WorkerMessage } from '../../protocol/lane-messages.ts'

/** Name of the task (`workflow::task`) whose code runs now; read by the output capture. */
export const runningTask: AsyncLocalStorage<string> = new AsyncLocalStorage()

export interface LanePort {
  send(message: WorkerMessage): void
  sendResults(results: readonly unknown[]): void
}

export function lanePort(port: MessagePort): LanePort {
  return {
    send: (message) => port.postMessage(message),
    sendResults: (results) => port.postMessage(results),
  }
}
