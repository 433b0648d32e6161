/** The main end of a lane, and at its other end a worker that the test moves by hand. */

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { HeadgateError } from '../../src/base/errors.ts'
import { parseDescriptor } from '../../src/domain/descriptor.ts'
import { Kinds } from '../../src/generation/kinds.ts'
import type { Held } from '../../src/generation/held.ts'
import { Lane } from '../../src/generation/lane.ts'
import { SlotLevels } from '../../src/generation/slot-levels.ts'
import type { TaskRequest } from '../../src/generation/task-request.ts'
import { SlotTable, type TaskFault } from '../../src/protocol/lane-layout.ts'
import type { MainMessage, WorkerMessage } from '../../src/protocol/lane-messages.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'

/** What a lost thread's calls are told. */
export const gone = (): HeadgateError =>
  new HeadgateError('WORKER_LOST', { task: 'x', why: 'gone' })

/** Two kinds: `w::quick`, and `w::slow` with a timeout of 1 s. */
export const kinds = new Kinds(
  parseDescriptor(
    {
      contract: 1,
      secrets: [],
      hasConfig: false,
      hasSetup: false,
      hasProbe: false,
      hasTeardown: false,
      workflows: [
        {
          name: 'w',
          hasInput: false,
          options: {},
          tasks: [
            { name: 'quick', options: {} },
            { name: 'slow', options: { timeout: '1s' } },
          ],
        },
      ],
    },
    { package: 'p', version: '1.0.0' },
  ),
)

/** Notes what happens to it: `ok <json>`, `failed <code>`, `moved`. */
export class NotedRequest implements TaskRequest {
  readonly seq: number
  readonly depth: number
  readonly key: string
  readonly attempt = 1
  readonly run = 1
  readonly body = '{}'
  readonly pinned: boolean
  readonly notes: string[] = []
  failure: TaskFault | HeadgateError | undefined

  constructor(seq: number, key = 'w::quick', pinned = false, depth = 0) {
    this.seq = seq
    this.depth = depth
    this.key = key
    this.pinned = pinned
  }

  onBound(): void {}

  onMoved(): void {
    this.notes.push('moved')
  }

  onSuccess(json: string): void {
    this.notes.push(`ok ${json}`)
  }

  onFailure(fault: TaskFault | HeadgateError): void {
    this.failure = fault
    this.notes.push(`failed ${fault.code}`)
  }
}

export interface FakeLane {
  readonly lane: Lane
  readonly clock: ManualClock
  readonly slots: SlotTable
  /** The worker's end. */
  readonly port: MessagePort
  /** Upcalls in order: `moved 1`, `ran 1`, `lost 1` (seq), `room`, `violation …`, a message's type. */
  readonly upcalls: string[]
  readonly messages: WorkerMessage[]
  /** Batches and messages that came to the worker. */
  readonly batches: unknown[][]
  readonly cold: MainMessage[]
  /** Hands over these requests as one batch. */
  hand<const R extends readonly NotedRequest[]>(...requests: R): { [K in keyof R]: Held }
  /** The worker begins a request. */
  begin(held: Held): boolean
  /** The worker sends: `acknowledged` batches, then results. */
  answer(acknowledged: number, ...results: readonly (readonly [Held, string, boolean?])[]): void
  /** The thread is gone: returns what is given back. */
  lose(): readonly TaskRequest[]
  /** Waits until the main side has taken what the worker posted so far. */
  taken(): Promise<void>
  /** Waits until what the main side posted so far has come to the worker. */
  arrived(): Promise<void>
}

export function openFakeLane(
  t: { teardown(fn: () => unknown): void },
  concurrency = 4,
  clock = new ManualClock(),
): FakeLane {
  const { port1, port2 } = new MessageChannel()
  const slots = SlotTable.forSlots(new SlotLevels(concurrency).slots)
  const upcalls: string[] = []
  const messages: WorkerMessage[] = []
  const batches: unknown[][] = []
  const cold: MainMessage[] = []
  const seq = (held: Held): string => String(held.request.seq)
  let rooms = 0
  const lane = new Lane({
    port: port1,
    concurrency,
    slots,
    timeBase: clock.now(),
    clock,
    upcalls: {
      released: (held, how) => {
        if (how === 'moved') held.request.onMoved()
        upcalls.push(`${how} ${seq(held)}`)
      },
      ran: (held, ok, ranMs) => upcalls.push(`${ok ? 'answered' : 'failed'} ${seq(held)} ${ranMs}`),
      room: () => rooms++,
      message: (message) => messages.push(message),
      violation: (why) => upcalls.push(`violation: ${why}`),
    },
  })
  port2.on('message', (message: MainMessage | unknown[]) => {
    if (Array.isArray(message)) batches.push(message)
    else cold.push(message)
  })
  t.teardown(() => {
    port1.close()
    port2.close()
  })
  lane.serve()
  return {
    lane,
    clock,
    slots,
    port: port2,
    upcalls,
    messages,
    batches,
    cold,
    hand<const R extends readonly NotedRequest[]>(...requests: R) {
      const held = requests.map((request) => {
        const kind = kinds.get(request.key)
        if (kind === undefined) throw new Error(request.key)
        return lane.add(request, kind)
      })
      lane.send()
      return held as { [K in keyof R]: Held }
    },
    begin: (held) => slots.begin(held.slot, clock.now() - 1_000_000),
    answer(acknowledged, ...results) {
      for (const [held, , failed = false] of results) slots.end(held.slot, failed, 2, 1)
      const flat = results.flatMap(([held, text]) => [held.slot, text])
      port2.postMessage([acknowledged, ...flat])
    },
    lose() {
      const given: TaskRequest[] = []
      lane.lost(gone, (moved) => given.push(...moved))
      return given
    },
    async taken() {
      const before = rooms
      port2.postMessage([0])
      await until(() => rooms > before, 'the lane takes a message')
    },
    async arrived() {
      const before = cold.length
      lane.post({ type: 'teardown' })
      await until(() => cold.length > before, 'the worker takes a message')
      cold.splice(
        cold.findIndex(({ type }) => type === 'teardown'),
        1,
      )
    },
  }
}
