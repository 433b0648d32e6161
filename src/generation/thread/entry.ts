/**
 * The function piscina runs in a worker thread: serves one lane until its port closes.
 *
 * Owns: what is done once in a thread, before it says hello. The lane is lane-server.ts.
 */

import { threadId } from 'node:worker_threads'
import { type LaneEnds, LaneServer } from './lane-server.ts'
import { installSdkHook } from './loader.ts'
import { rehearse } from './rehearsal.ts'

export interface LaneStart extends LaneEnds {
  /** URL of what the package imports as `headgate/sdk`. */
  readonly sdk: string
  /** There is time before a version comes: rehearse() first. */
  readonly rehearsal: boolean
}

export async function serveLane(start: LaneStart): Promise<void> {
  const { lane, output, closed } = new LaneServer(start)
  // Loaded with the thread, so that a package finds it ready.
  installSdkHook(start.sdk)
  await import(start.sdk)
  if (start.rehearsal) await rehearse()
  output.capture()
  process.once('exit', () => output.end())
  lane.send({ type: 'hello', threadId })
  await closed
}
