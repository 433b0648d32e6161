import t from 'tap'
import type { HeadgateError } from '../../src/base/errors.ts'
import type { Declared } from '../../src/domain/declared.ts'
import { parseDescriptor } from '../../src/domain/descriptor.ts'
import { type Accepted, stillAccepted } from '../../src/generation/accepted.ts'
import { HandshakeInbox, bringUp } from '../../src/generation/bring-up.ts'
import type { HostedLane } from '../../src/generation/thread-host.ts'
import type { LoadMessage, WorkerMessage } from '../../src/protocol/lane-messages.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'
import { openFakeLane } from './fake-lane.ts'

const LOAD: LoadMessage = {
  type: 'load',
  slotDir: '/slot',
  entry: '/slot/index.js',
  tenant: 'public',
  package: 'p',
  version: '1.0.0',
  generation: 1,
  boot: 'boot',
  env: {},
  config: null,
  secrets: {},
  maxPayloadBytes: 1_000,
  schemas: false,
  accepted: null,
}

const DESCRIPTOR = {
  contract: 1,
  secrets: [],
  hasConfig: false,
  hasSetup: false,
  hasProbe: false,
  hasTeardown: false,
  workflows: [
    { name: 'w', hasInput: false, options: {}, tasks: [{ name: 'a', options: { timeout: '2s' } }] },
  ],
}

function begin(
  t: { teardown(fn: () => unknown): void },
  link = async (): Promise<void> => {},
  declared: Declared | null = null,
  accepted: Accepted | null = null,
) {
  const clock = new ManualClock()
  const fake = openFakeLane(t, 4, clock)
  const inbox = new HandshakeInbox()
  const ended = Promise.withResolvers<string>()
  const seen: string[] = []
  const hosted: HostedLane = {
    lane: fake.lane,
    ended: ended.promise,
    identify: (id) => void seen.push(`thread ${id}`),
    kill: () => {},
  }
  const done = bringUp({
    hosted,
    inbox,
    load: LOAD,
    declared,
    accepted,
    link: async () => {
      seen.push('link')
      await link()
    },
    timeoutMs: 1_000,
    clock,
    onImported: ({ descriptor }) => void seen.push(`imported ${descriptor.workflows.length}`),
    greet: true,
  }).catch((error: unknown) => error as HeadgateError)
  const put = (message: WorkerMessage): boolean => inbox.put(message)
  return { ...fake, clock, done, put, end: ended.resolve, seen }
}

t.test('hello, load, imported, start, ready', async (t) => {
  const fake = begin(t)
  t.ok(fake.put({ type: 'hello', threadId: 5 }))
  await until(() => fake.cold.length === 1, 'load')
  t.same(fake.seen, ['thread 5', 'link'])
  t.same(fake.cold, [LOAD])
  fake.clock.advance(30)
  fake.put({ type: 'imported', descriptor: JSON.stringify(DESCRIPTOR), schemas: null, ms: 1 })
  await until(() => fake.cold.length === 2, 'start')
  t.same(fake.cold[1], { type: 'start', timeoutsMs: [2_000] })
  t.equal(fake.seen[2], 'imported 1')
  fake.clock.advance(7)
  fake.put({ type: 'ready', ms: 1 })
  t.same(await fake.done, { loadMs: 30, probeMs: 7 })
  t.equal(fake.clock.timers, 0)
})

const TEXT = JSON.stringify(DESCRIPTOR)
const KNOWN: Accepted = {
  texts: { descriptor: TEXT, schemas: null },
  found: { definition: structuredClone(DESCRIPTOR), schemas: null },
  descriptor: parseDescriptor(DESCRIPTOR, { package: 'p', version: '0.9.0' }),
}

t.test('what was accepted before begins by itself, and is not told to', async (t) => {
  const fake = begin(t, undefined, null, KNOWN)
  fake.put({ type: 'hello', threadId: 1 })
  await until(() => fake.cold.length === 1, 'load')
  t.match(fake.cold[0], { accepted: { descriptor: TEXT, schemas: null, timeoutsMs: [2_000] } })
  fake.put({ type: 'imported', descriptor: TEXT, schemas: null, ms: 1 })
  fake.put({ type: 'ready', ms: 1 })
  await fake.done
  t.equal(fake.seen[2], 'imported 1')
  await fake.arrived()
  t.same(
    fake.cold.map(({ type }) => type),
    ['load'],
  )
})

t.test('B1: what differs from it in a letter is checked and told to begin', async (t) => {
  const fake = begin(t, undefined, null, KNOWN)
  fake.put({ type: 'hello', threadId: 1 })
  fake.put({ type: 'imported', descriptor: `${TEXT} `, schemas: null, ms: 1 })
  await until(() => fake.cold.length === 2, 'start')
  t.same(fake.cold[1], { type: 'start', timeoutsMs: [2_000] })
  const worse = begin(t, undefined, null, KNOWN)
  worse.put({ type: 'hello', threadId: 1 })
  worse.put({ type: 'imported', descriptor: '{"contract":9}', schemas: null, ms: 1 })
  t.match(await worse.done, { code: 'CONTRACT_UNSUPPORTED' })
})

t.test('B1: what a manifest says otherwise is not what was accepted before', (t) => {
  const schemas = { inputs: [], config: null }
  t.equal(stillAccepted(KNOWN, null), KNOWN)
  t.equal(stillAccepted(KNOWN, { definition: structuredClone(DESCRIPTOR), schemas }), KNOWN)
  t.equal(stillAccepted(null, { definition: DESCRIPTOR, schemas }), null)
  const definition = { ...DESCRIPTOR, hasSetup: true }
  t.equal(stillAccepted(KNOWN, { definition, schemas }), null)
  const inputs = [{ workflow: 'w', schema: { type: 'object' } }]
  t.equal(stillAccepted(KNOWN, { definition: DESCRIPTOR, schemas: { inputs, config: null } }), null)
  t.end()
})

t.test('other messages are not taken by the handshake', (t) => {
  const inbox = new HandshakeInbox()
  t.notOk(inbox.put({ type: 'log', lines: [], dropped: 0 }))
  t.notOk(inbox.put({ type: 'tornDown', error: null }))
  t.end()
})

t.test('a timeout names the phase', async (t) => {
  const silent = begin(t)
  silent.clock.advance(1_000)
  t.match(await silent.done, { code: 'LOAD_TIMEOUT', details: { phase: 'start' } })
  const linking = begin(t, () => new Promise(() => {}))
  linking.put({ type: 'hello', threadId: 1 })
  await until(() => linking.seen.length === 2, 'link')
  linking.clock.advance(1_000)
  t.match(await linking.done, { code: 'LOAD_TIMEOUT', details: { phase: 'import' } })
})

t.test('a thread that ends before its import began is not the fault of the package', async (t) => {
  const ended = begin(t)
  ended.end('it exited')
  t.match(await ended.done, { code: 'LOAD_INTERRUPTED', message: /its thread ended: it exited/ })
  const told = begin(t)
  told.put({ type: 'hello', threadId: 1 })
  await until(() => told.cold.length === 1, 'load')
  told.end('it exited')
  t.match(await told.done, { code: 'LOAD_INTERRUPTED', retryable: true })
})

t.test('a thread that ends later, or speaks out of turn, cannot be loaded', async (t) => {
  const ended = begin(t)
  ended.put({ type: 'hello', threadId: 1 })
  ended.slots.start('import')
  ended.end('it exited')
  t.match(await ended.done, { code: 'LOAD_FAILED', message: /its thread ended: it exited/ })
  const early = begin(t)
  early.put({ type: 'ready', ms: 1 })
  t.match(await early.done, { code: 'LOAD_FAILED', message: /broke the protocol/ })
})

t.test('a link that fails is the reason', async (t) => {
  const fake = begin(t, () => Promise.reject(new Error('disk full')))
  fake.put({ type: 'hello', threadId: 1 })
  t.match(await fake.done, { message: /disk full/ })
})

const PHASES = {
  import: 'LOAD_FAILED',
  typescript: 'UNSUPPORTED_TYPESCRIPT',
  definition: 'LOAD_FAILED',
  config: 'CONFIG_MISSING',
  setup: 'SETUP_FAILED',
  probe: 'PROBE_FAILED',
} as const
for (const [phase, code] of Object.entries(PHASES) as [keyof typeof PHASES, string][]) {
  t.test(`a refusal of the phase ${phase} is ${code}`, async (t) => {
    const fake = begin(t)
    fake.put({ type: 'hello', threadId: 1 })
    fake.put({ type: 'refused', phase, message: 'why', stack: 'at x' })
    t.match(await fake.done, { code, details: { package: 'p', version: '1.0.0', stack: 'at x' } })
  })
}

t.test('a definition that the domain refuses is refused before setup', async (t) => {
  const fake = begin(t)
  fake.put({ type: 'hello', threadId: 1 })
  fake.put({ type: 'imported', descriptor: '{"contract":9}', schemas: null, ms: 1 })
  t.match(await fake.done, { code: 'CONTRACT_UNSUPPORTED' })
  await fake.arrived()
  t.same(
    fake.cold.map(({ type }) => type),
    ['load'],
  )
})

t.test('a definition that is no JSON is refused like any other that is none', async (t) => {
  const fake = begin(t)
  fake.put({ type: 'hello', threadId: 1 })
  fake.put({ type: 'imported', descriptor: '{"contract":', schemas: null, ms: 1 })
  t.match(await fake.done, { code: /^(CONTRACT_UNSUPPORTED|DEFINITION_INVALID)$/ })
})

t.test('exports that differ from the manifest are refused before setup', async (t) => {
  const changed = structuredClone(DESCRIPTOR)
  for (const workflow of changed.workflows) {
    for (const task of workflow.tasks) task.options.timeout = '3s'
  }
  const schemas = { inputs: [], config: null }
  const fake = begin(t, undefined, { definition: changed, schemas })
  fake.put({ type: 'hello', threadId: 1 })
  fake.put({ type: 'imported', descriptor: JSON.stringify(DESCRIPTOR), schemas: null, ms: 1 })
  t.match(await fake.done, {
    code: 'DEFINITION_MISMATCH',
    message: /definition\.workflows\[w\]\.tasks\[a\]\.options\.timeout is "2s", not "3s"/,
  })
  await fake.arrived()
  t.same(
    fake.cold.map(({ type }) => type),
    ['load'],
  )
  const equal = begin(t, undefined, { definition: structuredClone(DESCRIPTOR), schemas })
  equal.put({ type: 'hello', threadId: 1 })
  equal.put({ type: 'imported', descriptor: JSON.stringify(DESCRIPTOR), schemas: null, ms: 1 })
  equal.put({ type: 'ready', ms: 1 })
  t.match(await equal.done, { loadMs: 0 })
})
