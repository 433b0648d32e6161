/**
 * Runs a package of the thread's own through everything a call takes, while no version is there yet:
 * the first calls of the version that then comes find this code compiled.
 *
 * Does not own: when there is time for it (the spare thread, before it says hello).
 */

import { loadedTasks } from '../../hosting/definition.ts'
import { SlotTable } from '../../protocol/lane-layout.ts'
import { definePackage, workflow } from '../../sdk/index.ts'
import { Results } from './results.ts'
import { Runner } from './runner.ts'

/**
 * Enough for the interpreter to hand over to V8's first compiler; more would make it optimise for a
 * package that is not the one to come. About 5 ms in all.
 */
const ROUNDS = 8
const CALLS = 16

const BODY = '{"input":{"id":1}}'

const ownPackage = definePackage({
  workflows: [workflow('warm_up').task('echo', { run: async (_, { input }) => input })],
})

export async function warmUp(): Promise<void> {
  const slots = SlotTable.forSlots(CALLS)
  let left = 0
  let done: (() => void) | undefined
  const results = new Results(
    {
      send: () => {},
      sendResults: (message) => {
        left -= (message.length - 1) / 2
        if (left === 0) done?.()
      },
    },
    slots,
  )
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const runner = new Runner(slots, results, {
    facts: {
      tenant: '',
      package: '',
      version: '',
      generation: 0,
      boot: '',
      config: undefined,
      secrets: {},
      resources: undefined,
      log,
    },
    tasks: loadedTasks(ownPackage),
    timeoutsMs: [60_000],
    maxResultBytes: 1024,
    surroundings: { progress: () => {}, invoke: () => Promise.resolve(null) },
    timeBase: performance.timeOrigin,
  })
  for (let round = 0; round < ROUNDS; round++) {
    const batch: unknown[] = []
    for (let slot = 0; slot < CALLS; slot++) {
      slots.fill(slot, slot, 0, 1, slot)
      batch.push(slot, BODY)
    }
    left = CALLS
    const answered = new Promise<void>((resolve) => {
      done = resolve
    })
    runner.accept(batch)
    await answered
  }
}
