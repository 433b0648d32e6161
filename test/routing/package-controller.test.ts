import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { openController } from './controller-harness.ts'

const ACTOR = ['a test', 'tester'] as const
const broken = new HeadgateError('SETUP_FAILED', { why: 'database away' })

t.test(
  'a version that cannot be loaded leaves no generation behind, only its refusal',
  async (t) => {
    const { controller, registry, slow, drop, clock, idle, loads } = await openController(t)
    slow('1.0.0').end(broken)
    drop('1.0.0')
    for (let tries = 1; tries <= 5; tries++) {
      await idle()
      t.equal(loads.length, tries)
      t.match(controller.catalog.refusal('1.0.0'), { error: { code: 'SETUP_FAILED' } })
      t.same([...registry.generations()], [])
      clock.advance(60_000)
    }
  },
)

t.test('O4: a promotion by hand during a slow load is not undone by its end', async (t) => {
  const { controller, drop, slow, idle, until, loads, onDisk } = await openController(t)
  drop('1.0.0')
  drop('1.5.0', 'manual')
  await idle()
  const load = slow('2.0.0')
  drop('2.0.0')
  await until('the load', () => loads.includes('2.0.0'))
  await controller.promote('1.5.0', ...ACTOR)
  load.end()
  await idle()
  t.equal(controller.active?.version, '1.5.0')
  t.same([...controller.held], [['2.0.0', 'a test']])
  t.match(await onDisk(), { version: '1.5.0', previousVersion: '1.0.0' })
})

t.test('O4: a drop that is deleted while it loads gets no traffic', async (t) => {
  const { controller, drop, remove, slow, idle, until, loads, receipts } = await openController(t)
  drop('1.0.0')
  await idle()
  const load = slow('2.0.0')
  drop('2.0.0')
  await until('the load', () => loads.includes('2.0.0'))
  remove('2.0.0')
  load.end()
  await idle()
  t.equal(controller.active?.version, '1.0.0')
  t.same(
    receipts.map(({ to }) => to.version),
    ['1.0.0'],
  )
})

t.test('what was asked for last is in force when it is said to be', async (t) => {
  const opened = await openController(t)
  const { controller, drop, idle, onDisk } = opened
  drop('1.0.0')
  await idle()
  drop('2.0.0', 'manual')
  const gate = Promise.withResolvers<void>()
  opened.commits = gate.promise
  const begun = opened.committing()
  const up = controller.promote('2.0.0', ...ACTOR)
  await begun
  // 1.0.0 is active still, and the swap to 2.0.0 is under way.
  const back = controller.promote('1.0.0', ...ACTOR)
  opened.commits = 'pass'
  gate.resolve()
  await Promise.all([up, back])
  t.equal(controller.active?.version, '1.0.0')
  t.same([...controller.held], [['2.0.0', 'a test']])
  t.match(await onDisk(), { version: '1.0.0', held: { '2.0.0': 'a test' } })
})

t.test('a version that waits for its swap is not ended by the clock meanwhile', async (t) => {
  const opened = await openController(t)
  const { controller, drop, idle, clock, generation } = opened
  drop('1.0.0')
  await idle()
  drop('2.0.0')
  await idle()
  t.equal(generation('1.0.0').state, 'drained')
  const gate = Promise.withResolvers<void>()
  opened.commits = gate.promise
  const begun = opened.committing()
  const back = controller.promote('1.0.0', ...ACTOR)
  await begun
  clock.advance(600_000)
  t.equal(generation('1.0.0').state, 'drained', 'its warm time has passed')
  opened.commits = 'pass'
  gate.resolve()
  await back
  t.equal(controller.active?.version, '1.0.0')
})

t.test('one that ends during the commit is put off, and the disk says what serves', async (t) => {
  const opened = await openController(t)
  const { controller, drop, idle, clock, generation, onDisk } = opened
  drop('1.0.0')
  await idle()
  const gate = Promise.withResolvers<void>()
  opened.commits = gate.promise
  const begun = opened.committing()
  drop('2.0.0')
  await begun
  generation('2.0.0').take('expire', 'a test')
  const again = opened.committing()
  opened.commits = 'fail'
  gate.resolve()
  await again
  await idle()
  t.match(controller.catalog.refusal('2.0.0'), {
    kind: 'deferred',
    error: { code: 'LOAD_INTERRUPTED' },
  })
  t.equal(controller.active?.version, '1.0.0')
  opened.commits = 'pass'
  const written = opened.committing()
  clock.advance(300)
  await written
  t.match(await onDisk(), { version: '1.0.0' })
})

t.test(
  'a swap that cannot be committed leaves its version to be tried again, then to go',
  async (t) => {
    const opened = await openController(t)
    const { controller, drop, idle, clock, generation, loads } = opened
    drop('1.0.0')
    await idle()
    opened.commits = 'fail'
    drop('2.0.0')
    await idle()
    t.match(controller.catalog.refusal('2.0.0'), { error: { code: 'STORE_FAILED' } })
    t.equal(generation('2.0.0').state, 'standby')
    drop('2.1.0')
    await idle()
    opened.commits = 'pass'
    clock.advance(1_000)
    await idle()
    t.equal(controller.active?.version, '2.1.0')
    clock.advance(60_000)
    t.throws(() => generation('2.0.0'), 'nobody needs it')
    t.same(loads, ['1.0.0', '2.0.0', '2.1.0'], 'each was loaded once')
  },
)

t.test('the policy is that of the version in force, whatever lies beside it', async (t) => {
  const dir = t.testdir()
  const { controller, drop, idle, onDisk } = await openController(t, dir)
  drop('1.0.0')
  await idle()
  drop('2.0.0', 'manual')
  await idle()
  t.match(controller.policy, { mode: 'auto' })
  drop('2.0.1')
  await idle()
  t.equal(controller.active?.version, '2.0.1')
  await controller.promote('2.0.0', ...ACTOR)
  t.match(controller.policy, { mode: 'manual' }, 'now it is in force')
  drop('2.0.2')
  await idle()
  t.equal(controller.active?.version, '2.0.0')
  t.match(await onDisk(), { version: '2.0.0', policy: { mode: 'manual' } })

  const again = await openController(t, dir)
  for (const version of ['2.0.2', '1.0.0', '2.0.1']) again.drop(version)
  t.match(again.controller.policy, { mode: 'manual' })
  again.drop('2.0.0', 'manual')
  await again.idle()
  t.equal(again.controller.active?.version, '2.0.0')
})

t.test(
  'which version comes first at the first start does not hang on the order of drops',
  async (t) => {
    const drops = [['1.0.0'], ['2.0.0', 'manual'], ['1.5.0', '^2']] as const
    for (const order of [drops, drops.toReversed()]) {
      const { controller, drop, idle } = await openController(t, t.testdir())
      for (const [version, promotion] of order) drop(version, promotion)
      await idle()
      t.match(controller, { policy: { mode: 'auto' }, active: { version: '1.0.0' } })
    }
  },
)

t.test('versions loaded for pins keep no version out that is to be promoted', async (t) => {
  const { controller, drop, idle, clock, generation } = await openController(t)
  for (const version of ['1.0.0', '1.1.0', '1.2.0', '1.3.0']) drop(version)
  await idle()
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) await controller.pinned(version)
  drop('1.4.0')
  await idle()
  t.equal(controller.active?.version, '1.4.0')
  drop('1.4.1', 'manual')
  const fifth = async (): Promise<unknown> => controller.pinned('1.4.1')
  await t.rejects(fifth, { code: 'GENERATION_LIMIT' }, 'a fifth pin waits')
  clock.advance(120_000)
  t.throws(() => generation('1.0.0'))
  t.match(await controller.pinned('1.4.1'), { version: '1.4.1' })
})

t.test(
  'a crash loop leads back to the version before, not up to one nobody approved',
  async (t) => {
    const { controller, drop, idle, generation, onDisk } = await openController(t)
    drop('1.0.0', 'manual')
    drop('2.0.0', 'manual')
    drop('3.0.0', 'manual')
    await idle()
    await controller.promote('1.0.0', ...ACTOR)
    controller.crashLoop(generation('1.0.0'), 4)
    await idle()
    t.equal(controller.active?.version, '1.0.0', 'nothing was approved but it')
    t.notOk(controller.held.has('1.0.0'))
    await controller.promote('2.0.0', ...ACTOR)
    controller.crashLoop(generation('2.0.0'), 4)
    await idle()
    t.equal(controller.active?.version, '1.0.0')
    t.match(await onDisk(), { version: '1.0.0', held: { '2.0.0': /^quarantined/ } })
  },
)

t.test(
  'with a full disk a quarantine takes the traffic, and is written when there is room',
  async (t) => {
    const opened = await openController(t)
    const { controller, drop, idle, clock, generation, onDisk, faults } = opened
    drop('1.0.0')
    await idle()
    drop('2.0.0')
    await idle()
    opened.commits = 'fail'
    controller.crashLoop(generation('2.0.0'), 4)
    await idle()
    t.equal(controller.active?.version, '1.0.0')
    t.match(faults, [{ code: 'STORE_FAILED' }])
    for (let round = 0; round < 5; round++) {
      const tried = opened.committing()
      clock.advance(5_000)
      await tried
      await idle()
    }
    t.equal(faults.length, 1, 'it is said once')
    opened.commits = 'pass'
    const written = opened.committing()
    clock.advance(5_000)
    await written
    t.match(await onDisk(), { version: '1.0.0', held: { '2.0.0': /^quarantined/ } })
  },
)

t.test('the hold of a version that crashed beside the active one outlives a restart', async (t) => {
  const { controller, drop, idle, generation, onDisk } = await openController(t)
  drop('1.0.0')
  drop('2.0.0-rc.1')
  await idle()
  await controller.pinned('2.0.0-rc.1')
  controller.crashLoop(generation('2.0.0-rc.1'), 4)
  await idle()
  t.match(await onDisk(), { version: '1.0.0', held: { '2.0.0-rc.1': /^quarantined/ } })
})

t.test('a fallback that cannot be loaded is passed over', async (t) => {
  const { controller, drop, slow, idle, generation, clock } = await openController(t)
  drop('1.0.0')
  await idle()
  drop('1.1.0')
  await idle()
  drop('1.2.0')
  await idle()
  clock.advance(60_000)
  t.throws(() => generation('1.1.0'), 'not warm any more')
  slow('1.1.0').end(new HeadgateError('LOAD_FAILED', { why: 'a typo' }))
  controller.crashLoop(generation('1.2.0'), 4)
  await idle()
  t.equal(controller.active?.version, '1.0.0')
})

t.test('without a fallback that loads the crashing version keeps the traffic', async (t) => {
  const { controller, drop, slow, idle, generation, clock } = await openController(t)
  drop('1.0.0')
  await idle()
  drop('1.1.0')
  await idle()
  clock.advance(60_000)
  slow('1.0.0').end(new HeadgateError('LOAD_FAILED', { why: 'a typo' }))
  controller.crashLoop(generation('1.1.0'), 4)
  t.match(controller.catalog.refusal('1.1.0'), { error: { code: 'CRASH_LOOP' } })
  await idle()
  t.match(controller.active, { version: '1.1.0', state: 'active' })
  t.equal(controller.catalog.refusal('1.1.0'), undefined)
  t.equal(controller.held.size, 0)
})

t.test('a swap that is under way when the executor closes comes to its end', async (t) => {
  const opened = await openController(t)
  const { controller, drop, idle, registry } = opened
  drop('1.0.0')
  await idle()
  drop('2.0.0')
  await idle()
  const gate = Promise.withResolvers<void>()
  opened.commits = gate.promise
  const begun = opened.committing()
  const back = controller.promote('1.0.0', ...ACTOR)
  await begun
  const late = controller.promote('2.0.0', ...ACTOR)
  const closed = controller.close(false)
  gate.resolve()
  await back
  await t.rejects(late, { code: 'EXECUTOR_CLOSING' })
  await closed
  t.same([...registry.generations()], [], 'nothing is left running')
})
