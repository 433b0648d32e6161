/**
 * Serves packages of the thread's own from load to last call, while no version is there yet: the one
 * that then comes finds the code of a lane compiled.
 *
 * R1  It is served as a version is, by a LaneServer over a port: V8 compiles for what it has seen.
 * R2  Twice, and of more than one kind: code compiled for a single task, lane or result is thrown
 *     away when the first other one comes.
 *
 * R3  What fails in it is a fault of headgate's own: the thread is given up, and the fault told.
 *
 * Does not own: when there is time for it (the spare thread, before it says hello).
 */

import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { HeadgateError } from '../../base/errors.ts'
import { RESULT_STRIDE, SlotTable } from '../../protocol/lane-layout.ts'
import type { MainMessage, WorkerMessage } from '../../protocol/lane-messages.ts'
import { LaneServer } from './lane-server.ts'
import { installModules } from './loader.ts'

/** Of both lanes together: enough for V8 to optimise most of it, while nobody waits. */
const ROUNDS = 64
/** In a round. */
const CALLS = 16

/** As an author writes them. */
const MODULES = {
  'index.ts': `import { definePackage } from 'headgate/sdk'
import { counting } from './counting.ts'
import { echoing } from './echoing.ts'

export default definePackage({
  description: 'Headgate itself',
  workflows: [echoing, counting],
  setup: async () => ({ since: performance.now() }),
  probe: ({ since }) => since > 0,
})
`,
  'echoing.ts': `import { workflow } from 'headgate/sdk'

export const echoing = workflow('echoing').task('echo', { run: async (_, { input }) => input })
`,
  'counting.ts': `import { workflow } from 'headgate/sdk'
import { input } from './input.ts'

export const counting = workflow('counting', { description: 'Counts', input })
  .task('list', { retry: { attempts: 2 }, timeout: '10s', run: (_, ctx) => ({ items: ctx.input.items }) })
  .task('count', { after: ['list'], run: ({ list }, ctx) => ({ size: list.items.length, by: ctx.generation }) })
`,
  'input.ts': `export const input = {
  '~standard': {
    version: 1,
    vendor: 'headgate',
    validate: (value) => Array.isArray(value.items) ? { value } : { issues: [{ message: 'no items' }] },
  },
}
`,
}

/** By kind. */
const BODIES = [
  '{"input":{"id":1}}',
  '{"input":{"items":["one"]}}',
  '{"deps":{"list":{"items":["one","two"]}},"input":{"items":[]}}',
]

/** Throws INTERNAL when anything of it fails. */
export async function rehearse(): Promise<void> {
  const lanes = ['first', 'second'].map((name, index) => new Rehearsal(name, index))
  for (const lane of lanes) await lane.open()
  for (let round = 0; round < ROUNDS; round++) await lanes[round % lanes.length]?.call()
  for (const lane of lanes) await lane.close()
}

/** The main thread's end of a lane that this thread serves, as far as it is needed here. */
class Rehearsal {
  readonly #name: string
  readonly #index: number
  readonly #port: MessageChannel['port1']
  readonly #slots = SlotTable.forSlots(CALLS)
  readonly #server: LaneServer
  #left = 0
  #waiting: PromiseWithResolvers<void> | undefined

  constructor(name: string, index: number) {
    this.#name = name
    this.#index = index
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const { buffer } = this.#slots
    const timeBase = performance.timeOrigin
    this.#server = new LaneServer({ port: port2, slots: buffer, timeBase })
    port1.on('message', (message: WorkerMessage | unknown[]) => this.#receive(message))
  }

  async open(): Promise<void> {
    // Nothing need lie there, but the thread may look whether something does.
    const slotDir = join(import.meta.dirname, `rehearsal-${this.#name}`)
    const hooks = installModules(slotDir, MODULES)
    const identity = { tenant: 'rehearsal', package: this.#name, version: '1.0.0' }
    // imported
    await this.#answered({
      type: 'load',
      slotDir,
      entry: 'index.ts',
      ...identity,
      generation: this.#index,
      boot: this.#name,
      env: {},
      config: null,
      secrets: {},
      maxPayloadBytes: 1024,
      schemas: false,
      accepted: null,
    })
    // ready
    await this.#answered({ type: 'start', timeoutsMs: BODIES.map(() => 60_000) })
    hooks?.deregister()
  }

  async call(): Promise<void> {
    const batch: unknown[] = []
    for (let slot = 0; slot < CALLS; slot++) {
      const kind = slot % BODIES.length
      this.#slots.fill(slot, slot, kind, 1, slot)
      batch.push(slot, BODIES[kind])
    }
    this.#left = CALLS
    await this.#answered(batch)
  }

  async close(): Promise<void> {
    this.#port.close()
    await this.#server.closed
  }

  #answered(message: MainMessage | unknown[]): Promise<void> {
    this.#waiting = Promise.withResolvers<void>()
    this.#port.postMessage(message)
    return this.#waiting.promise
  }

  #receive(message: WorkerMessage | unknown[]): void {
    if (Array.isArray(message)) {
      for (let at = 1; at < message.length; at += RESULT_STRIDE) {
        this.#left--
        if (this.#slots.failed(Number(message[at]))) this.#fail(String(message[at + 1]))
      }
      if (this.#left === 0) this.#waiting?.resolve()
    } else if (message.type === 'imported' || message.type === 'ready') this.#waiting?.resolve()
    else this.#fail(message.type === 'refused' ? message.message : `it sent ${message.type}`)
  }

  #fail(why: string): void {
    this.#waiting?.reject(new HeadgateError('INTERNAL', { why: `a rehearsal failed: ${why}` }))
  }
}
