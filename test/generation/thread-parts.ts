/** Parts of the worker thread, run on the main thread: a port that notes what is sent. */

import type { TaskContext } from '../../src/sdk/context.ts'
import type { StandardSchema } from '../../src/sdk/standard-schema.ts'
import type { CallSurroundings, PackageFacts } from '../../src/hosting/context.ts'
import type { LanePort } from '../../src/generation/thread/lane-port.ts'
import type { LoadedTask } from '../../src/hosting/definition.ts'
import { Results } from '../../src/generation/thread/results.ts'
import { Runner } from '../../src/generation/thread/runner.ts'
import { SlotTable } from '../../src/protocol/lane-layout.ts'
import type { WorkerMessage } from '../../src/protocol/lane-messages.ts'

export class NotedPort implements LanePort {
  readonly messages: WorkerMessage[] = []
  /** One entry a message: batches begun, then slot and text of each result. */
  readonly results: (readonly unknown[])[] = []

  send(message: WorkerMessage): void {
    this.messages.push(message)
  }

  sendResults(results: readonly unknown[]): void {
    this.results.push(results)
  }
}

/** Stops the thread's clock; the returned function lets ms pass. */
export function stopTime(t: { teardown(fn: () => unknown): void }): (ms: number) => void {
  const real = performance.now
  let time = real.call(performance)
  performance.now = () => time
  t.teardown(() => {
    performance.now = real
  })
  return (ms) => {
    time += ms
  }
}

export type Run = (deps: Record<string, unknown>, ctx: TaskContext) => unknown

export interface TaskSpec {
  readonly run: Run
  readonly after?: readonly string[]
  readonly input?: StandardSchema
  readonly timeoutMs?: number
}

export interface InProcess {
  readonly port: NotedPort
  readonly slots: SlotTable
  readonly runner: Runner
  /** Hands over a batch: `[task, body]` in the slots 0, 1, 2, … */
  hand(...requests: readonly (readonly [string, string])[]): void
  /** Slot → `ok <text>` or `failed <text>`, of all results sent so far. */
  answers(): Record<number, string>
}

export const facts: PackageFacts = {
  tenant: 'public',
  package: 'p',
  version: '1.2.3',
  generation: 7,
  boot: 'boot',
  config: { a: 1 },
  secrets: { key: 'secret' },
  resources: 'resources',
  log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
}

export const noSurroundings: CallSurroundings = {
  progress: () => {},
  invoke: () => Promise.reject(new Error('not here')),
}

export function runInProcess(
  tasks: Readonly<Record<string, Run | TaskSpec>>,
  options: { readonly maxResultBytes?: number; readonly surroundings?: CallSurroundings } = {},
): InProcess {
  const port = new NotedPort()
  const slots = SlotTable.forSlots(64)
  const specs = Object.entries(tasks).map(([name, spec]) => ({
    name,
    ...(typeof spec === 'function' ? { run: spec } : spec),
  }))
  const loaded: LoadedTask[] = specs.map(({ name, run, after = [], input }) => ({
    workflow: { name: 'w', options: {}, input, tasks: [] },
    task: { name, options: {}, run },
    label: `w::${name}`,
    after,
  }))
  const runner = new Runner(slots, new Results(port, slots), {
    facts,
    tasks: loaded,
    timeoutsMs: specs.map(({ timeoutMs = 60_000 }) => timeoutMs),
    maxResultBytes: options.maxResultBytes ?? 1_000,
    surroundings: options.surroundings ?? noSurroundings,
    timeBase: performance.timeOrigin + performance.now(),
  })
  return {
    port,
    slots,
    runner,
    hand(...requests) {
      const batch = requests.flatMap(([name, body], slot) => {
        const kind = specs.findIndex((spec) => spec.name === name)
        slots.fill(slot, 100 + slot, kind, 2, 9)
        return [slot, body]
      })
      runner.accept(batch)
    },
    answers() {
      const found: Record<number, string> = {}
      for (const message of port.results) {
        for (let at = 1; at < message.length; at += 2) {
          const slot = Number(message[at])
          found[slot] = `${slots.failed(slot) ? 'failed' : 'ok'} ${String(message[at + 1])}`
        }
      }
      return found
    },
  }
}
