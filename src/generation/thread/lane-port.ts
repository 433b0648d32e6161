/**
 * What the parts of the worker thread share: the port to the main thread.
 */

import type { MessagePort } from 'node:worker_threads'
import type { WorkerMessage } from '../../protocol/lane-messages.ts'

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
