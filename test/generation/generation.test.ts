import t, { type Test } from 'tap'
import type { HeadgateError } from '../../src/base/errors.ts'
import type { Generation } from '../../src/generation/generation.ts'
import { refuseLeaks, workerThreads } from '../helpers/leaks.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'
import { openHarness } from './harness.ts'
import { HANG, tasks } from './tasks.ts'

refuseLeaks(t)
const harness = openHarness(t)

t.test('E1: its states are told in order', async (t) => {
  const { generation, transitions, call, times } = await harness.serve({ tasks })
  t.equal(await call('echo', 7).answer, 7)
  t.ok(times.loadMs > 0 && times.probeMs >= 0)
  generation.take('supersede', 'test')
  t.equal(generation.state, 'drained', 'nothing was in flight')
  generation.take('promote', 'test')
  t.equal(await call('echo', 8).answer, 8, 'a revived one serves with its thread')
  await generation.close(false)
  t.equal(workerThreads(), 0, 'no thread survives retired')
  t.same(
    transitions.map(({ to }) => to),
    [
      'loading',
      'probing',
      'standby',
      'active',
      'draining',
      'drained',
      'active',
      'draining',
      'drained',
      'retired',
    ],
  )
  t.throws(() => generation.take('promote', 'too late'), { code: 'ILLEGAL_TRANSITION' })
  t.equal(generation.tally.served, 2)
})

t.test('draining ends with the last call, by an event', async (t) => {
  const { generation, call, reaches } = await harness.serve({ tasks })
  const waiting = call('wait', 50)
  await until(() => (generation.blockers()[0] ?? '').endsWith(' ms'), 'it is begun')
  generation.take('supersede', 'test')
  t.equal(generation.state, 'draining')
  t.match(generation.blockers(), [/^w::wait /])
  t.equal(await waiting.answer, 'waited')
  t.equal(generation.state, 'drained')
  await reaches('drained')
  await generation.close(false)
})

t.test('E3: after the drain deadline what runs is aborted, then ended', async (t) => {
  const { generation, call, reaches } = await harness.serve({ tasks }, { drainTimeoutMs: 50 })
  const honest = call('honest')
  const held = call('hold')
  await call('echo').answer
  generation.take('supersede', 'test')
  await t.rejects(honest.answer, { code: 'GENERATION_TERMINATED' })
  t.equal(generation.state, 'terminating')
  await t.rejects(held.answer, { code: 'GENERATION_TERMINATED', details: { task: 'hold' } })
  await reaches('retired')
  t.ok(generation.ledger.zero)
  t.equal(workerThreads(), 0)
})

t.test('E3: a call bound for good that is given back too late is answered', async (t) => {
  // By its own clock: a thread that is slow to wake is no reason to give back anything before.
  const clock = new ManualClock()
  const { generation, call, reaches } = await harness.serve({ tasks }, { clock, killGraceMs: 300 })
  const first = call('echo')
  // Both go in one batch when that of the first is acknowledged.
  const loop = call('loop', 0, { pinned: true })
  const pinned = call('echo', 1, { pinned: true })
  await first.answer
  await until(() => generation.ledger.counts.held === 2, 'both are handed over')
  await until(() => running(generation) === 1, 'the first of them runs')
  generation.take('supersede', 'test')
  generation.take('deadline', 'test')
  // Two looks of which the thread has begun nothing between.
  clock.advance(2)
  await t.rejects(pinned.answer, { code: 'GENERATION_TERMINATED' })
  t.equal(pinned.moves, 1)
  clock.advance(300)
  await t.rejects(loop.answer)
  await reaches('retired')
  t.ok(generation.ledger.zero)
})

t.test('E3: what waits in its own queue at the deadline is answered, too', async (t) => {
  const { generation, call, reaches } = await harness.serve({ tasks }, { concurrency: 1 })
  const held = call('hold', 0, { pinned: true })
  const pinned = call('echo', 1, { pinned: true })
  await until(() => (generation.blockers()[0] ?? '').endsWith(' ms'), 'it is begun')
  generation.take('supersede', 'test')
  generation.take('deadline', 'test')
  await t.rejects(pinned.answer, { code: 'GENERATION_TERMINATED' })
  await t.rejects(held.answer, { code: 'GENERATION_TERMINATED' })
  await reaches('retired')
})

t.test('close with force does not wait for what runs', async (t) => {
  const { generation, call } = await harness.serve({ tasks })
  const held = call('hold')
  await call('echo').answer
  await generation.close(true)
  await t.rejects(held.answer, { code: 'GENERATION_TERMINATED' })
  t.equal(generation.state, 'retired')
  t.equal(workerThreads(), 0)
})

t.test('a cancelled retry is the attempt that ends, not the one before it', async (t) => {
  const attempts = `if (globalThis.before) ctx.signal.onabort = () =>
      ctx.progress(0, ctx.signal.reason.message)
    globalThis.before = true
    ${HANG}`
  const { generation, call, again } = await harness.serve(
    { tasks: { attempts: { run: attempts, options: { timeout: 400 } } } },
    { killGraceMs: 5_000 },
  )
  t.teardown(() => generation.close(true))
  const twice = call('attempts')
  await t.rejects(twice.answer, { code: 'TASK_TIMEOUT' })
  again(twice)
  await until(() => running(generation) === 2, 'both attempts run')
  generation.cancel(twice, 'by the test')
  const told = (): string => generation.blockers().join()
  await until(() => told().includes('by the test'), 'the second one is asked to end')
  t.equal(generation.threads, 1)
})

t.test('teardown runs once everything is answered, and has the grace', async (t) => {
  const { generation } = await harness.serve(
    {
      tasks,
      also: `setup: () => 'resource', teardown: () => new Promise(() => {})`,
    },
    { killGraceMs: 100 },
  )
  const began = performance.now()
  await generation.close(false)
  const took = performance.now() - began
  t.ok(took >= 95 && took < 2_000, `${took} ms`)
})

t.test('what is warm long enough stays until a call pinned to it has ended', async (t) => {
  const { generation, call, reaches } = await harness.serve({ tasks }, { keepWarmMs: 20 })
  generation.take('supersede', 'test')
  await reaches('drained')
  t.equal(await call('wait', 150, { pinned: true }).answer, 'waited')
  await reaches('retired')
  t.ok(generation.ledger.zero)
  await generation.close(false)
})

const TORN = `teardown: () => channel.postMessage('torn down')`

/** Hears the package's teardown. */
function teardowns(t: Test) {
  const name = `generation-test-${t.name}`
  const channel = new BroadcastChannel(name)
  const told: unknown[] = []
  channel.onmessage = (event) => void told.push((event as MessageEvent).data)
  t.teardown(() => channel.close())
  const before = `const channel = new BroadcastChannel(${JSON.stringify(name)})
    channel.unref()`
  return { text: { tasks, before, also: TORN }, told }
}

const running = (generation: Generation): number =>
  generation.blockers().filter((one) => / ms/.test(one)).length

t.test('what a thread began to set up unasked is torn down, though nobody heard yet', async (t) => {
  const { text, told } = teardowns(t)
  const { generation: before } = await harness.serve(text)
  const { accepted = null } = before
  t.ok(accepted)
  const clock = new ManualClock()
  const load = harness.load(text, { accepted, clock, loadTimeoutMs: 1_000 }, (_, lane) => {
    const post = lane.post.bind(lane)
    lane.post = (message) => {
      post(message)
      if (message.type !== 'load') return
      // Nothing is heard here while the thread imports the package and goes on by itself.
      const end = performance.now() + 5_000
      while (lane.started !== 'setup' && performance.now() < end);
      t.equal(lane.started, 'setup')
      clock.advance(1_000)
    }
  })
  await t.rejects(load, { code: 'LOAD_TIMEOUT', details: { phase: 'import' } })
  await until(() => told.length === 1, 'it is torn down')
  await before.close(false)
})

t.test('close waits for the calls pinned to a drained version, then tears it down', async (t) => {
  const { text, told } = teardowns(t)
  const { generation, call } = await harness.serve(text)
  generation.take('supersede', 'test')
  const pinned = call('wait', 100, { pinned: true })
  await until(() => running(generation) === 1, 'it runs')
  const closed = generation.close(false)
  t.equal(await pinned.answer, 'waited')
  await closed
  t.equal(generation.state, 'retired')
  await until(() => told.length === 1, 'it is torn down')
})

t.test('E3: a pinned call outlives a closing version by a drain timeout, no more', async (t) => {
  const { text, told } = teardowns(t)
  const { generation, call } = await harness.serve(text, { drainTimeoutMs: 50, killGraceMs: 50 })
  generation.take('supersede', 'test')
  const pinned = call('hold', 0, { pinned: true })
  const queued = call('honest', 0, { pinned: true })
  await until(() => running(generation) === 2, 'they run')
  const closed = generation.close(false)
  await t.rejects(queued.answer, { code: 'GENERATION_TERMINATED' })
  await t.rejects(pinned.answer, { code: 'GENERATION_TERMINATED' })
  await closed
  t.same(told, [], 'not beneath a call that ran')
  t.ok(generation.ledger.zero)
})

t.test('force ends a grace that has begun', async (t) => {
  const clock = new ManualClock()
  const { generation, call } = await harness.serve({ tasks }, { clock })
  const held = call('hold')
  await until(() => running(generation) === 1, 'it runs')
  generation.take('supersede', 'test')
  generation.take('deadline', 'test')
  const closed = generation.close(false)
  t.equal(generation.state, 'terminating')
  await generation.close(true)
  await t.rejects(held.answer, { code: 'GENERATION_TERMINATED' })
  await closed
  t.equal(generation.state, 'retired')
})

t.test('force ends the wait for a pinned call', async (t) => {
  const clock = new ManualClock()
  const { generation, call } = await harness.serve({ tasks }, { clock })
  generation.take('supersede', 'test')
  const held = call('hold', 0, { pinned: true })
  await until(() => running(generation) === 1, 'it runs')
  const closed = generation.close(false)
  t.equal(generation.state, 'drained')
  await generation.close(true)
  await t.rejects(held.answer, { code: 'GENERATION_TERMINATED' })
  await closed
})

t.test('E3: calls of a quarantined version have the grace, and no teardown beneath', async (t) => {
  const { text, told } = teardowns(t)
  const { generation, call } = await harness.serve(text, { killGraceMs: 300 })
  const honest = call('honest')
  const waits = call('wait', 100)
  const held = call('hold')
  await until(() => running(generation) === 3, 'they run')
  generation.take('crashLoop', 'test')
  generation.take('retire', 'test')
  await t.rejects(honest.answer, { code: 'CRASH_LOOP' })
  t.equal(await waits.answer, 'waited')
  await t.rejects(held.answer, { code: 'CRASH_LOOP' })
  await generation.close(false)
  t.same(told, [])
  t.equal(workerThreads(), 0)
})

t.test('what is warm long enough ends by itself', async (t) => {
  const { generation, reaches } = await harness.serve({ tasks }, { keepWarmMs: 20 })
  generation.take('supersede', 'test')
  await reaches('retired')
  await generation.close(false)
  t.equal(workerThreads(), 0)
})

const SETUP_ENDS: Readonly<Record<string, readonly [string, string, readonly string[]]>> = {
  'a probe that fails has what setup returned torn down': [
    `setup: () => 'pool', probe: () => { throw new Error('unwell') }`,
    'PROBE_FAILED',
    ['down pool'],
  ],
  'a setup that takes too long is told by its signal, and torn down if it ends then': [
    `setup: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => {
      channel.postMessage('aborted')
      resolve('pool')
    }))`,
    'LOAD_TIMEOUT',
    ['aborted', 'down pool'],
  ],
  'a setup that fails has nothing to tear down': [
    `setup: ({ signal }) => { signal.addEventListener('abort', () =>
      channel.postMessage('aborted')); throw new Error('no') }`,
    'SETUP_FAILED',
    ['aborted'],
  ],
}
for (const [what, [setup, code, expected]] of Object.entries(SETUP_ENDS)) {
  t.test(what, async (t) => {
    const { text, told } = teardowns(t)
    const also = `${setup}, teardown: (it) => channel.postMessage('down ' + it)`
    const loading = harness.load({ ...text, also }, { loadTimeoutMs: 1_000, killGraceMs: 5_000 })
    await t.rejects(loading, { code })
    await until(() => told.length === expected.length, 'the package has said all')
    t.same(told, expected)
    t.equal(workerThreads(), 0)
  })
}

const REFUSED: Readonly<
  Record<string, readonly [Readonly<Record<string, string>>, string, RegExp]>
> = {
  'an import that throws': [{ before: 'throw new Error("no")' }, 'LOAD_FAILED', /no/],
  'an import that exits': [{ before: 'process.exit(0)' }, 'LOAD_FAILED', /ended: worker exited/],
  'an import that loops': [{ before: 'for (;;);' }, 'LOAD_TIMEOUT', /phase import/],
  'a setup that throws': [{ also: 'setup: () => { throw null }' }, 'SETUP_FAILED', /null/],
  'a setup that hangs': [{ also: 'setup: () => new Promise(() => {})' }, 'LOAD_TIMEOUT', /setup/],
  'a probe that rejects': [
    { also: 'probe: async () => { throw new Error("unwell") }' },
    'PROBE_FAILED',
    /unwell/,
  ],
  'a secret that is not set': [{ also: 'secrets: ["apiKey"]' }, 'CONFIG_MISSING', /apiKey/],
  'a configuration that does not fit': [
    {
      also: `config: { '~standard': { version: 1, vendor: 'x',
        validate: () => ({ issues: [{ message: 'needs a url' }] }) } }`,
    },
    'CONFIG_MISSING',
    /needs a url/,
  ],
  'a definition that throws when it is read': [
    { also: 'description: { toJSON() { throw new Error("no text") } }' },
    'LOAD_FAILED',
    /no text/,
  ],
  'a definition of another form': [{ also: 'description: 7' }, 'DEFINITION_INVALID', /description/],
}
for (const [what, [text, code, message]] of Object.entries(REFUSED)) {
  t.test(`${what} refuses the version and leaves no thread`, async (t) => {
    const loading = harness.load(
      { tasks, ...text },
      { loadTimeoutMs: code === 'LOAD_TIMEOUT' ? 1_000 : 20_000 },
      ({ generation, reaches }) => {
        void reaches('rejected').then(() => t.equal(generation.threads, 0))
      },
    )
    const refusal = await loading.catch((error: unknown) => error as HeadgateError)
    t.match(refusal, { code, message })
    t.equal(workerThreads(), 0)
  })
}
