import t from 'tap'
import type { Executor, SwapReceipt } from '../../src/index.ts'
import {
  Gates,
  HOLD,
  SAY,
  active,
  failure,
  generationOf,
  make,
  makePlace,
  makeTasks,
  promote,
  row,
  say,
  start,
  until,
  untilActive,
} from './helpers.ts'

t.test('the highest version wins, and a prerelease is never taken by itself', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.9.0', '1.10.0', '1.2.0', '2.0.0-rc.1']) {
    place.drop(makeTasks('p', version, SAY))
  }
  const executor = await start(t, place)
  t.match(await say(executor, 'p'), { version: '1.10.0' })
  t.same(
    row(executor, 'p').versions.map(({ version }) => version),
    ['2.0.0-rc.1', '1.10.0', '1.9.0', '1.2.0'],
  )
  t.equal((await executor.receipts({ limit: 10 })).length, 1, 'the others were never loaded')
  t.match(await say(executor, 'p', { version: '2.0.0-rc.1' }), { version: '2.0.0-rc.1' })

  await promote(executor, '2.0.0-rc.1')
  t.equal(active(executor, 'p'), '2.0.0-rc.1')
  await executor.close()
  const again = await start(t, place)
  t.equal(active(again, 'p'), '2.0.0-rc.1', 'what an operator promoted is restored')
})

t.test('a range in package.json keeps other versions out', async (t) => {
  const place = makePlace(t)
  const headgate = { promotion: '^1.0.0' }
  place.drop(makeTasks('p', '1.0.0', SAY, headgate))
  const executor = await start(t, place)
  place.drop(makeTasks('p', '2.0.0', SAY, headgate))
  place.drop(makeTasks('p', '1.1.0', SAY, headgate))
  await untilActive(executor, 'p', '1.1.0')
  await executor.reconcile()
  t.match(row(executor, 'p'), { activeVersion: '1.1.0', policy: '^1.0.0' })
  await promote(executor, '2.0.0')
  t.equal(active(executor, 'p'), '2.0.0', 'an operator may')
})

t.test('under manual only an operator promotes', async (t) => {
  const place = makePlace(t)
  const headgate = { promotion: 'manual' }
  place.drop(makeTasks('p', '1.0.0', SAY, headgate))
  const executor = await start(t, place)
  t.match(row(executor, 'p'), { activeVersion: null, policy: 'manual' })
  t.match(await failure(say(executor, 'p')), { code: 'NO_ACTIVE_VERSION', status: 503 })
  t.match(await say(executor, 'p', { version: '1.0.0' }), { version: '1.0.0' })
  await promote(executor, '1.0.0')
  place.drop(makeTasks('p', '1.1.0', SAY, headgate))
  await until(executor, '1.1.0 to be seen', () => row(executor, 'p').versions.length === 2)
  await executor.reconcile()
  t.match(await say(executor, 'p'), { version: '1.0.0' })
  place.remove('p-1.0.0')
  await until(executor, '1.0.0 to be gone', () => row(executor, 'p').versions.length === 1)
  await executor.reconcile()
  t.match(await say(executor, 'p'), { version: '1.0.0' }, 'no downgrade and no end by itself')
  await executor.close()
  const again = await start(t, place)
  t.match(row(again, 'p'), { activeVersion: null, policy: 'manual' })
})

t.test('promoting an older version holds the newer ones, over a restart too', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) place.drop(makeTasks('p', version, SAY))
  const executor = await start(t, place)
  t.equal(active(executor, 'p'), '1.2.0')
  await promote(executor, '1.0.0')
  t.match(await say(executor, 'p'), { version: '1.0.0' })
  t.same(row(executor, 'p').held, { '1.1.0': 'a test', '1.2.0': 'a test' })
  await executor.reconcile()
  t.equal(active(executor, 'p'), '1.0.0')
  const [receipt] = await executor.receipts({ limit: 1 })
  t.match(receipt, { from: { version: '1.2.0' }, to: { version: '1.0.0' }, reason: 'a test' })
  const entries = await executor.control({ since: 0, limit: 100 })
  t.match(
    entries.findLast((entry) => entry.to === 'active'),
    { version: '1.0.0', actor: 'tester' },
  )
  await executor.close()

  const again = await start(t, place)
  t.equal(active(again, 'p'), '1.0.0', 'came up with what was active, at once')
  const boots = (await again.receipts({ limit: 10 })).filter(
    ({ epoch }) => epoch > (receipt?.epoch ?? 0),
  )
  t.equal(boots.length, 1)
  t.same(row(again, 'p').held, { '1.1.0': 'a test', '1.2.0': 'a test' })

  await promote(again, '1.2.0')
  t.match(await say(again, 'p'), { version: '1.2.0' })
  t.same(row(again, 'p').held, {}, 'the choice that held 1.1.0 is no longer in force')
  await promote(again, '1.0.0')
  place.drop(makeTasks('p', '1.3.0', SAY))
  await untilActive(again, 'p', '1.3.0')
  t.pass('a newer one than those held comes in')
})

t.test('a version put off is held too when an older one is promoted over it', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  place.drop(makeTasks('p', '1.1.0', SAY))
  const executor = await start(t, place)
  const later = Date.now() + 700
  place.drop(
    make(
      'p',
      '1.2.0',
      `export default definePackage({ workflows: [workflow('w')${SAY}],
        probe: () => { if (Date.now() < ${later}) throw new Error('not yet') } })`,
    ),
  )
  await until(executor, '1.2.0 to be put off', () => row(executor, 'p').refusals[0])
  await promote(executor, '1.0.0')
  t.same(row(executor, 'p').held, { '1.1.0': 'a test', '1.2.0': 'a test' })
  await until(executor, 'its next try to be due', () => row(executor, 'p').refusals.length === 0)
  await executor.reconcile()
  t.equal(active(executor, 'p'), '1.0.0', 'the choice stands')
})

t.test('what is not in the folder cannot be promoted', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  place.drop(makeTasks('p', '1.1.0', SAY))
  const executor = await start(t, place)
  t.match(await failure(promote(executor, '3.0.0')), { code: 'NO_MATCHING_VERSION' })
  const unknown = executor.promote({ tenant: 'public', package: 'q', version: '1.0.0' })
  t.match(await failure(unknown), { code: 'UNKNOWN_PACKAGE', details: { nearest: ['p'] } })
  await promote(executor, '1.0.0')
  place.remove('p-1.1.0')
  await until(executor, 'the removal', () => row(executor, 'p').versions.length === 1)
  t.equal(generationOf(executor, 'p', '1.1.0')?.state, 'drained')
  t.match(await failure(promote(executor, '1.1.0')), { code: 'NO_MATCHING_VERSION' })
})

t.test('what promote() is given is checked', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  const p = { tenant: 'public', package: 'p' }
  const range = await failure(executor.promote({ ...p, version: '^1' }))
  t.match(range, { code: 'VERSION_INVALID', message: /"\^1" is not an exact/ })
  for (const [given, why] of [
    [{ package: 'p', version: '1.0.0' }, /option tenant was refused/],
    [{ ...p, version: '1.0.0', force: true }, /unknown key "force"/],
    ['p@1.0.0', /option promotion was refused/],
  ] as const) {
    const error = await failure(executor.promote(given as never))
    t.match(error, { code: 'OPTION_INVALID', message: why })
  }
})

t.test('a warm generation is revived without being loaded again', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.0.0', '1.1.0']) place.drop(makeTasks('p', version, SAY))
  const executor = await start(t, place)
  await promote(executor, '1.0.0')
  const newer = generationOf(executor, 'p', '1.1.0')
  t.equal(newer?.state, 'drained')
  await promote(executor, '1.1.0')
  t.match(generationOf(executor, 'p', '1.1.0'), { state: 'active', generation: newer?.generation })
  const [receipt] = await executor.receipts({ limit: 1 })
  t.match(receipt, { spare: 'revive', loadMs: null, to: { generation: newer?.generation } })
  t.match(await say(executor, 'p'), { version: '1.1.0', generation: newer?.generation })
})

t.test('the same promotion twice at once is one swap', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.0.0', '1.1.0']) place.drop(makeTasks('p', version, SAY))
  const executor = await start(t, place)
  await Promise.all([promote(executor, '1.0.0'), promote(executor, '1.0.0')])
  await promote(executor, '1.0.0')
  t.equal(active(executor, 'p'), '1.0.0')
  t.equal((await executor.receipts({ limit: 10 })).length, 2)
})

t.test('a hold that changes nothing now is kept over a restart', async (t) => {
  const place = makePlace(t)
  const headgate = { promotion: '^1.0.0' }
  for (const version of ['1.0.0', '2.0.0']) place.drop(makeTasks('p', version, SAY, headgate))
  const executor = await start(t, place)
  await promote(executor, '1.0.0')
  t.same(row(executor, 'p').held, { '2.0.0': 'a test' })
  t.same(Object.fromEntries(executor.registry.routes.get('public::p')?.held ?? []), {
    '2.0.0': 'a test',
  })
  await executor.close()
  const again = await start(t, place)
  t.same(row(again, 'p').held, { '2.0.0': 'a test' })
})

t.test('without keepWarm a drained generation is retired at once', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY, { keepWarm: 0 }))
  const executor = await start(t, place)
  const states: string[] = []
  executor.events.on('control', ({ version, to }) => void (version === '1.0.0' && states.push(to)))
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(executor, 'p', '1.1.0')
  await until(executor, '1.0.0 to be retired', () => states.at(-1) === 'retired')
  t.same(states.slice(-3), ['draining', 'drained', 'retired'])
  t.equal(generationOf(executor, 'p', '1.0.0'), undefined)
})

t.test('a fifth generation in use waits until one has drained', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', HOLD))
  const executor = await start(t, place)
  const holding: Promise<unknown>[] = []
  const hold = async (version: string): Promise<void> => {
    holding.push(executor.invoke('public::p::w', version))
    await gates.reached(version)
  }
  await hold('1.0.0')
  for (const version of ['1.1.0', '1.2.0', '1.3.0']) {
    place.drop(makeTasks('p', version, HOLD))
    await untilActive(executor, 'p', version)
    await hold(version)
  }
  place.drop(makeTasks('p', '1.4.0', HOLD))
  const refused = await until(executor, '1.4.0 to be put off', () => row(executor, 'p').refusals[0])
  t.match(refused, { kind: 'deferred', version: '1.4.0', error: { code: 'GENERATION_LIMIT' } })
  t.equal(active(executor, 'p'), '1.3.0')
  place.drop(makeTasks('p', '1.5.0', HOLD))
  await until(executor, '1.5.0 to be put off', () => row(executor, 'p').refusals.length === 2)

  for (const version of ['1.0.0', '1.1.0', '1.2.0', '1.3.0']) place.remove(`p-${version}`)
  await until(executor, 'them to be gone', () => row(executor, 'p').versions.length === 2)
  await executor.reconcile()
  t.equal(active(executor, 'p'), '1.3.0', 'it serves on while the next ones wait for room')

  gates.open('1.1.0')
  await untilActive(executor, 'p', '1.5.0')
  t.notOk(generationOf(executor, 'p', '1.4.0'), 'the newest came first')
  for (const version of ['1.0.0', '1.2.0', '1.3.0']) gates.open(version)
  t.same(
    await Promise.all(holding),
    await Promise.all(
      ['1.0.0', '1.1.0', '1.2.0', '1.3.0'].map(async (version) => ({
        hold: { version, generation: await holdOf(executor, version) },
      })),
    ),
  )
  await until(executor, 'nothing to wait', () => row(executor, 'p').refusals.length === 0)
})

async function holdOf(executor: Executor, version: string): Promise<number | undefined> {
  const entries = await executor.control({ since: 0, limit: 1000 })
  return entries.find((entry) => entry.version === version)?.generation
}

t.test('two tenants have the same package to themselves', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY), '@acme/p')
  place.drop(makeTasks('p', '1.0.0', SAY), '@globex/p')
  place.drop(makeTasks('p', '3.0.0', SAY))
  const executor = await start(t, place)
  t.same(
    executor.packages().map(({ tenant, activeVersion }) => [tenant, activeVersion]),
    [
      ['acme', '1.0.0'],
      ['globex', '1.0.0'],
      ['public', '3.0.0'],
    ],
  )
  const acme = await say(executor, 'p', {}, 'acme')
  const globex = await say(executor, 'p', {}, 'globex')
  t.not(acme.generation, globex.generation)
  for (const generation of [globex.generation, row(executor, 'p').activeGeneration ?? 0]) {
    const stolen = executor.invoke('acme::p::w::say', {}, { generation })
    t.match(await failure(stolen), { code: 'NO_MATCHING_VERSION' })
  }
  t.match(await failure(executor.invoke('acme::p::w', {}, { version: '3.0.0' })), {
    code: 'NO_MATCHING_VERSION',
  })
  place.drop(makeTasks('p', '1.1.0', SAY), '@acme/p-1.1.0')
  await untilActive(executor, 'p', '1.1.0', 'acme')
  t.match(await say(executor, 'p', {}, 'globex'), { version: '1.0.0' })
  place.remove('@globex/p')
  await untilActive(executor, 'p', null, 'globex')
  t.match(await failure(executor.invoke('globex::p::w')), { code: 'NO_ACTIVE_VERSION' })
  t.match(await say(executor, 'p', {}, 'acme'), { version: '1.1.0' })
  t.match(await say(executor, 'p'), { version: '3.0.0' })
})

t.test(
  'a receipt says where the time of a drop went, and the parts fit into the whole',
  async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('alpha', '1.0.0', SAY))
    const executor = await start(t, place)
    const [atStart] = await executor.receipts({ package: 'alpha', limit: 1 })
    t.equal(atStart?.detectMs, null, 'what lay there before was not waiting to be noticed')
    const receipts: SwapReceipt[] = []
    executor.events.on('receipt', (receipt) => void receipts.push(receipt))
    const dropped = Date.now()
    place.drop(makeTasks('alpha', '1.1.0', SAY))
    await untilActive(executor, 'alpha', '1.1.0')
    await say(executor, 'alpha')
    const receipt = await until(executor, 'the first answer in the receipt', () => {
      const last = receipts.findLast(({ to }) => to.version === '1.1.0')
      return last?.dropToFirstTaskMs === null ? undefined : last
    })
    const { detectMs, stageMs, loadMs, probeMs, swapMs, dropToSwapMs } = receipt
    const parts = [stageMs, loadMs, probeMs, swapMs].map((part) => part ?? Number.NaN)
    t.ok(
      parts.every((part) => part >= 0),
      parts.join(),
    )
    const sum = parts.reduce((all, part) => all + part)
    t.ok(sum <= (dropToSwapMs ?? 0) + 2, `${sum} of ${dropToSwapMs}`)
    const sinceRename = Date.now() - dropped
    t.ok(detectMs !== null && detectMs >= 0 && detectMs <= sinceRename + 10, `${detectMs} ms`)
  },
)
