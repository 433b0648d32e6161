/** One sample of the dispatch scenario: one competitor, one load, in this process. */

import { Latencies } from '../lib/latencies.ts'
import { measure } from '../lib/measure.ts'
import { LONG_MS, mixedSequence, SHORT_MS } from '../lib/mixed.ts'
import { checkEcho, makePayloads } from '../lib/payloads.ts'
import { openPeer } from '../peers/open.ts'
import type { Peer, PeerName } from '../peers/peer.ts'

export interface DispatchSpec {
  readonly peer: PeerName
  readonly threads: number
  readonly inFlight: number
  /** `mixed`: two task kinds; `oneKind`: the same durations, but in the input of one kind. */
  readonly load: 'echo' | 'mixed' | 'oneKind'
  readonly warmUpMs: number
  readonly measureMs: number
  /** An empty folder for this sample alone. */
  readonly workDir: string
}

export interface DispatchResult {
  readonly tasks: number
  readonly tasksPerSecond: number
  readonly cpuUs: number
  /** Of all tasks; under a mixed load of the short ones. */
  readonly p50Us: number
  readonly p99Us: number
}

const PAYLOADS = 4096
const PAYLOAD_SEED = 212
const SEQUENCE_LENGTH = 32_768

interface Request {
  readonly call: (index: number) => Promise<void>
  readonly counts: (index: number) => boolean
}

export async function sampleDispatch(spec: DispatchSpec): Promise<DispatchResult> {
  const peer = await openPeer(spec.peer, spec)
  try {
    const { call, counts } =
      spec.load === 'echo' ? echoRequests(peer) : mixedRequests(peer, spec.load)
    const latencies = new Latencies()
    const measured = await measure({
      inFlight: spec.inFlight,
      warmUpMs: spec.warmUpMs,
      measureMs: spec.measureMs,
      call,
      record: (index, ms) => {
        if (counts(index)) latencies.record(ms)
      },
    })
    return {
      ...measured,
      p50Us: latencies.percentile(50) * 1000,
      p99Us: latencies.percentile(99) * 1000,
    }
  } finally {
    await peer.close()
  }
}

function echoRequests(peer: Peer): Request {
  const payloads = makePayloads(PAYLOADS, PAYLOAD_SEED)
  return {
    async call(index) {
      const payload = payloads[index % PAYLOADS]
      if (payload === undefined) throw new RangeError(`no payload ${index}`)
      checkEcho(payload, await peer.call('echo', payload))
    },
    counts: () => true,
  }
}

function mixedRequests(peer: Peer, load: 'mixed' | 'oneKind'): Request {
  const sequence = mixedSequence(SEQUENCE_LENGTH)
  const isLong = (index: number): boolean => sequence[index % SEQUENCE_LENGTH] === true
  return {
    async call(index) {
      const ms = isLong(index) ? LONG_MS : SHORT_MS
      const kind = load === 'oneKind' ? 'spin' : isLong(index) ? 'long' : 'short'
      const answer = (await peer.call(kind, { index, ms })) as { readonly index?: number } | null
      if (answer?.index !== index) throw new Error(`wrong answer to task ${index}`)
    },
    counts: (index) => !isLong(index),
  }
}
