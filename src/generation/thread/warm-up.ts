/**
 * Runs a package of the thread's own through everything a call takes, while no version is there yet:
 * the first calls of the version that then comes find this code compiled.
 *
 * Does not own: when there is time for it (the spare thread, before it says hello).
 */

import { join } from 'node:path'
import { describe, loadedTasks } from '../../hosting/definition.ts'
import { SlotTable } from '../../protocol/lane-layout.ts'
import { importDefinition, installModules } from './loader.ts'
import { Results } from './results.ts'
import { Runner } from './runner.ts'

/** Enough for V8 to optimise most of it, while nobody waits. */
const ROUNDS = 64
const CALLS = 16

const BODY = '{"input":{"id":1}}'

const MODULES = {
  'index.ts': `import { definePackage } from 'headgate/sdk'
import { own } from './own.ts'

export default definePackage({ workflows: [own] })
`,
  'own.ts': `import { workflow } from 'headgate/sdk'

export const own = workflow('warm_up').task('echo', { run: async (_, { input }) => input })
`,
}

export async function warmUp(): Promise<void> {
  // Where the thread may look whether something lies there.
  const dir = join(import.meta.dirname, 'warm-up')
  installModules(dir, MODULES)
  const ownPackage = await importDefinition(join(dir, 'index.ts'))
  JSON.stringify(describe(ownPackage))
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
