import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/clock.ts'
import { resolveOptions } from '../../src/domain/package-json.ts'
import type { Generation, GenerationUpcalls } from '../../src/generation/generation.ts'
import { NO_GRANTS } from '../../src/generation/permissions.ts'
import { SpareThreads } from '../../src/generation/spare-threads.ts'
import { threadCode } from '../../src/generation/thread-code.ts'
import type { ThreadHost } from '../../src/generation/thread-host.ts'
import { GenerationFactory, createHost } from '../../src/routing/generation-factory.ts'
import { LoadGate } from '../../src/routing/load-gate.ts'
import { NumberBlocks } from '../../src/routing/number-blocks.ts'
import type { StagedDrop } from '../../src/source/source.ts'
import { refuseLeaks, workerThreads } from '../helpers/leaks.ts'
import { type PackageText, packageFiles, writeFiles } from '../helpers/package-files.ts'
import { openWorkspace } from '../helpers/workspace.ts'

refuseLeaks(t)

const DROP: StagedDrop = {
  entry: 'p',
  tenant: 'public',
  package: 'p',
  version: '1.0.0',
  digest: 'd'.repeat(64),
  entryFile: 'index.js',
  options: resolveOptions({}),
  artifactDir: '/nowhere',
  files: 2,
  bytes: 1,
  manifest: null,
  signatures: [],
  doubt: null,
  landedAt: null,
  detectedAt: 0,
  stagedAt: 0,
}

const UPCALLS: GenerationUpcalls = {
  transition: () => {},
  capacity: () => {},
  gaveBack: () => {},
  log: () => {},
  invoke: () => {},
  crashed: () => {},
  crashLoop: () => {},
  notReplaced: () => {},
  threadsChanged: () => {},
  unavailable: () => {},
}

/** A factory over a spare thread that is ready. */
async function open(t: Test, text: Omit<PackageText, 'name'>) {
  const workspace = openWorkspace(t)
  const code = threadCode(workspace.path('thread-code'))
  const base = {
    code: () => code,
    slotsDir: workspace.path('slots'),
    permissions: 'on',
    clock: systemClock,
    onAbandoned: () => {},
  } as const
  const hosts: ThreadHost[] = []
  const spare = new SpareThreads({
    enabled: true,
    createHost: () => {
      const shape = { threads: 1, concurrency: 64, resourceLimits: {}, grants: NO_GRANTS }
      const host = createHost(base, shape)
      hosts.push(host)
      return host
    },
    clock: systemClock,
    onReady: () => {},
    onFault: (error) => t.fail(String(error)),
  })
  t.teardown(() => spare.close())
  await spare.refill()
  let next = 1
  const gate = new LoadGate(1)
  const factory = new GenerationFactory({
    ...base,
    boot: 'boot',
    keepWarmMs: 0,
    loadTimeoutMs: 10_000,
    killGraceMs: 100,
    maxPayloadBytes: 1_000_000,
    numbers: new NumberBlocks(
      { reserve: async (_, count) => (next += count) - count },
      'generation',
    ),
    spare,
    gate,
    grants: () => ({}),
    link: async (_, slotDir) => writeFiles(slotDir, packageFiles({ ...text, name: 'p' })),
  })
  const generations: Generation[] = []
  const load = (born: (generation: Generation) => void = () => {}) =>
    factory.load(
      DROP,
      UPCALLS,
      (generation) => {
        generations.push(generation)
        born(generation)
      },
      null,
    )
  t.teardown(() => Promise.all(generations.map((generation) => generation.close(true))))
  return { load, generations, gate, spareHost: () => hosts[0], slotsDir: base.slotsDir }
}

t.test(
  'a spare thread lost before the package began costs one more load, no refusal',
  async (t) => {
    const { load, generations, spareHost } = await open(t, { tasks: { a: 'return 1' } })
    // Between take() and load, as an out-of-memory kill or a late throw of the spare would.
    const loaded = await load(() => {
      if (generations.length === 1) void spareHost()?.destroy()
    })
    t.equal(loaded.spare, 'miss')
    t.equal(loaded.generation, generations[1])
    t.same(
      generations.map(({ number, state }) => [number, state]),
      [
        [1, 'rejected'],
        [2, 'standby'],
      ],
    )
    t.match(generations[0]?.reason, /through no fault of its own: its thread ended/)
  },
)

t.test('code that ends the spare thread itself is refused at once', async (t) => {
  const { load, generations } = await open(t, {
    tasks: { a: 'return 1' },
    before: 'process.exit(3)',
  })
  await t.rejects(load(), { code: 'LOAD_FAILED', message: /its thread ended/ })
  t.equal(generations.length, 1)
})

t.test('a load that is given up is not begun again', async (t) => {
  const { load, generations } = await open(t, { tasks: { a: 'return 1' } })
  const loading = load((generation) => {
    queueMicrotask(() => generation.take('refuse', 'the executor closes'))
  })
  await t.rejects(loading, { code: 'EXECUTOR_CLOSING' })
  t.equal(generations.length, 1)
})

t.test('a generation that ends while its wake waits its turn gets no thread', async (t) => {
  const { load, gate, slotsDir } = await open(t, { tasks: { a: 'return 1' } })
  const { generation } = await load()
  generation.take('promote', 'test')
  generation.rest()
  const turn = Promise.withResolvers<void>()
  const before = gate.run(() => turn.promise)
  generation.pick()
  await generation.close(true)
  const after = gate.run(() => readdirSync(slotsDir))
  turn.resolve()
  await before
  t.same(await after, [], 'no slot was made for it')
  t.equal(workerThreads(), 0)
})
