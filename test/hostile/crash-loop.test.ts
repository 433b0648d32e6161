/** A version whose threads die again and again. */

import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import { until } from '../helpers/until.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
const ground = await openGround(t)
const { executor, workspace } = ground
const tasks = { bad: 'process.exit(1)', which: 'return ctx.version' }

t.test(
  'four exits in ten seconds bring back the version before, and hold the bad one',
  async (t) => {
    const flaky = { name: 'flaky', tasks }
    workspace.writePackage({ ...flaky, version: '1.0.0' })
    await executor.reconcile()
    workspace.writePackage({ ...flaky, version: '1.1.0' })
    await executor.reconcile()
    t.equal(await ground.call('flaky', 'which'), '1.1.0')
    const back = executor.events.once('receipt', ({ to }) => to.version === '1.0.0')
    for (let exit = 1; exit <= 4; exit++) {
      t.equal((await ground.fails('flaky', 'bad')).code, 'WORKER_LOST', `exit ${exit}`)
      if (exit < 4) t.equal(await ground.call('flaky', 'which'), '1.1.0', 'success in between')
    }
    t.match((await back).reason, /1.1.0 lost 4 threads/)
    t.equal(await ground.call('flaky', 'which'), '1.0.0', 'the version before serves again')
    t.match(executor.package('public', 'flaky'), {
      activeVersion: '1.0.0',
      held: { '1.1.0': /4 threads/ },
      refusals: [{ version: '1.1.0', error: { code: 'CRASH_LOOP' } }],
    })
    await executor.reconcile()
    t.equal(await ground.call('flaky', 'which'), '1.0.0', 'the next look does not bring it back')
    const pinned = executor.invoke('public::flaky::w::which', {}, { version: '1.1.0' })
    await t.rejects(pinned, { code: 'NO_MATCHING_VERSION' }, 'nor does a pin')
    workspace.writePackage({ ...flaky, version: '1.2.0' })
    await executor.reconcile()
    t.equal(await ground.call('flaky', 'which'), '1.2.0', 'a higher version is taken')
  },
)

t.test(
  'a warm version that dies under its pins is ended, and the active one serves on',
  async (t) => {
    const part = { name: 'pinned', tasks }
    for (const version of ['1.0.0', '1.1.0']) {
      workspace.writePackage({ ...part, version })
      await executor.reconcile()
    }
    const { generation } = ground.generation('pinned')
    const pin = { version: '1.0.0' }
    for (let exit = 1; exit <= 4; exit++) {
      const call = executor.invoke('public::pinned::w::bad', {}, pin)
      await t.rejects(call, { code: 'WORKER_LOST' }, `exit ${exit}`)
    }
    await until(() => executor.package('public', 'pinned')?.generations.length === 1, 'its end')
    t.match(executor.package('public', 'pinned'), {
      activeVersion: '1.1.0',
      held: { '1.0.0': /4 threads/ },
      refusals: [{ version: '1.0.0', error: { code: 'CRASH_LOOP' } }],
    })
    const call = executor.invoke('public::pinned::w::which', {}, pin)
    await t.rejects(call, { code: 'NO_MATCHING_VERSION' })
    t.equal(await ground.call('pinned', 'which'), '1.1.0')
    t.match(ground.generation('pinned'), { generation, state: 'active', exits: 0 })
  },
)

t.test('without another version it is started again, after growing pauses', async (t) => {
  const name = await ground.drop({ tasks })
  const { generation } = ground.generation(name)
  for (let exit = 1; exit <= 6; exit++) {
    t.equal((await ground.fails(name, 'bad')).code, 'WORKER_LOST', `exit ${exit}`)
    t.equal(await ground.call(name, 'which'), '1.0.0', 'it serves in between')
    t.match(ground.generation(name), { generation, exits: exit, state: 'active' })
  }
  t.match(executor.package('public', name), { activeVersion: '1.0.0', held: {}, refusals: [] })
})

t.test('a version that dies in setup is refused, and its neighbour version serves', async (t) => {
  const part = { name: 'stillborn', tasks: { which: 'return ctx.version' } }
  workspace.writePackage({ ...part, version: '1.0.0' })
  await executor.reconcile()
  const deaths = {
    '1.1.0': ['setup: () => process.exit(1)', 'LOAD_FAILED'],
    '1.2.0': ['setup: () => { throw null }', 'SETUP_FAILED'],
    '1.3.0': ['probe: () => { throw new Error("unwell") }', 'PROBE_FAILED'],
    '1.4.0': [
      `setup: async () => {
        const { parentPort } = await import('node:worker_threads')
        for (let i = 0; i < 100; i++) parentPort.postMessage(i)
        await new Promise(() => {})
      }`,
      'LOAD_FAILED',
    ],
    '1.5.0': ['description: new Proxy({}, { get() { throw 1 } })', 'LOAD_FAILED'],
  } as const
  for (const [version, [also]] of Object.entries(deaths)) {
    workspace.writePackage({ ...part, version, also })
  }
  workspace.writePackage({ ...part, version: '1.6.0', before: 'process.exit(0)' })
  workspace.writePackage({ ...part, version: '1.7.0', before: 'throw new Error("at import")' })
  workspace.writePackage({ ...part, version: '1.8.0', before: 'export default 7', tasks: {} })
  await executor.reconcile()
  t.equal(await ground.call('stillborn', 'which'), '1.0.0')
  const row = executor.package('public', 'stillborn')
  const codes = Object.fromEntries(row?.refusals.map((one) => [one.version, one.error.code]) ?? [])
  for (const [version, [, code]] of Object.entries(deaths)) t.equal(codes[version], code, version)
  t.match(codes, { '1.6.0': 'LOAD_FAILED', '1.7.0': 'LOAD_FAILED', '1.8.0': 'LOAD_FAILED' })
  const threads = (): number => row?.generations.reduce((sum, one) => sum + one.threads, 0) ?? 0
  await until(() => threads() === 1, 'threads of the refused ones ended')
})
