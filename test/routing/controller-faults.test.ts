/** What goes wrong between folder, disk and swap: versions that leave meanwhile, stores that fail. */

import t from 'tap'
import { openController } from './controller-harness.ts'

const ACTOR = ['a test', 'tester'] as const

t.test('the last version that leaves is routed no more, whatever the disk says', async (t) => {
  const opened = await openController(t)
  const { controller, drop, remove, idle, clock, onDisk } = opened
  drop('1.0.0')
  await idle()
  opened.commits = 'fail'
  remove('1.0.0')
  await idle()
  t.equal(controller.active, undefined)
  opened.commits = 'pass'
  const written = opened.committing()
  clock.advance(250)
  await written
  t.match(await onDisk(), { version: null, previousVersion: '1.0.0' })
})

t.test('a fallback that leaves the folder while it loads gets no traffic', async (t) => {
  const opened = await openController(t)
  const { controller, drop, remove, slow, idle, until, loads, generation, clock } = opened
  drop('1.0.0')
  await idle()
  drop('1.1.0')
  await idle()
  clock.advance(60_000)
  const load = slow('1.0.0')
  controller.crashLoop(generation('1.1.0'), 4)
  await until('the load', () => loads.length === 3)
  remove('1.0.0')
  load.end()
  await idle()
  t.match(controller.active, { version: '1.1.0', state: 'active' })
  t.equal(controller.catalog.refusal('1.1.0'), undefined, 'it can be called')
})

t.test('a fallback whose load fails after it has left is passed over', async (t) => {
  const opened = await openController(t)
  const { controller, drop, remove, slow, idle, until, loads, generation, clock, faults } = opened
  for (const version of ['0.9.0', '1.0.0', '1.1.0']) {
    drop(version)
    await idle()
  }
  clock.advance(60_000)
  const load = slow('1.0.0')
  controller.crashLoop(generation('1.1.0'), 4)
  await until('the load', () => loads.length === 4)
  remove('1.0.0')
  load.end(new Error('its files are gone') as never)
  await idle()
  t.equal(controller.active?.version, '0.9.0')
  t.match([...controller.held], [['1.1.0', /^quarantined/]])
  t.same(faults, [])
})

t.test('a version that leaves while its promotion is committed does not stay', async (t) => {
  const opened = await openController(t)
  const { controller, drop, remove, idle } = opened
  for (const version of ['0.9.0', '1.0.0', '2.0.0']) drop(version)
  await idle()
  const gate = Promise.withResolvers<void>()
  opened.commits = gate.promise
  const begun = opened.committing()
  const promoted = controller.promote('1.0.0', ...ACTOR)
  await begun
  remove('1.0.0')
  gate.resolve()
  await promoted
  await idle()
  t.equal(controller.active?.version, '0.9.0', '2.0.0 is held since the promotion')
})

t.test('X5: a commit that was made and not confirmed is written over', async (t) => {
  const opened = await openController(t)
  const { controller, drop, idle, clock, onDisk } = opened
  for (const version of ['1.0.0', '2.0.0']) drop(version)
  await idle()
  opened.commits = 'lost'
  await t.rejects(controller.promote('1.0.0', ...ACTOR), { code: 'STORE_FAILED' })
  t.equal(controller.active?.version, '2.0.0')
  opened.commits = 'pass'
  const written = opened.committing()
  clock.advance(250)
  await written
  t.match(await onDisk(), { version: '2.0.0', held: {} })
})

t.test('P2: a pin for which there is no room does not keep its version out', async (t) => {
  const { controller, drop, remove, idle } = await openController(t)
  for (const version of ['1.1.0', '1.2.0', '1.3.0', '1.4.0', '2.0.0']) drop(version)
  await idle()
  for (const version of ['1.1.0', '1.2.0', '1.3.0']) await controller.pinned(version)
  const fifth = async (): Promise<unknown> => controller.pinned('1.4.0')
  await t.rejects(fifth, { code: 'GENERATION_LIMIT' })
  t.equal(controller.catalog.refusal('1.4.0'), undefined)
  remove('2.0.0')
  await idle()
  t.equal(controller.active?.version, '1.4.0')
})
