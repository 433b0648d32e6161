import t from 'tap'
import {
  Gates,
  HOLD,
  SAY,
  active,
  closedLoop,
  completeReceipt,
  failure,
  generationOf,
  makePlace,
  makeTasks,
  promote,
  row,
  say,
  start,
  until,
  untilActive,
} from './helpers.ts'

t.test('a pin names a version, a range or a generation', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.0.0', '1.1.0', '2.0.0']) place.drop(makeTasks('p', version, SAY))
  const executor = await start(t, place, { keepWarmMs: 300 })
  t.match(await say(executor, 'p', { version: '1.0.0' }), { version: '1.0.0' })
  t.match(await say(executor, 'p', { version: '^1.0.0' }), { version: '1.1.0' })
  const both = await Promise.all([1, 2].map(() => say(executor, 'p', { version: '~1.1.0' })))
  t.equal(both[0]?.generation, both[1]?.generation)
  t.match(await say(executor, 'p', { version: '*' }), { version: '2.0.0' })
  const pinned = generationOf(executor, 'p', '1.0.0')
  t.match(pinned, { state: 'standby', threads: 1, served: 1 })
  t.match(await say(executor, 'p', { generation: pinned?.generation ?? 0 }), { version: '1.0.0' })
  t.match(await executor.invoke('public::p::w', 1, { version: '1.0.0' }), {
    say: { version: '1.0.0', input: 1 },
  })

  for (const wanted of ['3.0.0', '^3', 'latest', '', '1.0.0+build']) {
    t.match(await failure(say(executor, 'p', { version: wanted })), {
      code: 'NO_MATCHING_VERSION',
      status: 404,
      details: { wanted, present: ['2.0.0', '1.1.0', '1.0.0'] },
    })
  }
  t.match(await failure(say(executor, 'p', { generation: 999 })), {
    code: 'NO_MATCHING_VERSION',
    message: /generation 999; present: g\d+ \(/,
  })

  await until(
    executor,
    'the pinned ones to expire',
    () => row(executor, 'p').generations.length === 1,
  )
  t.match(await say(executor, 'p', { version: '1.0.0' }), { version: '1.0.0' }, 'loaded again')
  t.equal(active(executor, 'p'), '2.0.0')
  t.equal((await executor.receipts({ limit: 10 })).length, 1, 'a pin is no swap')
})

t.test('a generation loaded for a pin stays while it is called', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.0.0', '2.0.0']) place.drop(makeTasks('p', version, HOLD + SAY))
  const gates = new Gates(t)
  const executor = await start(t, place, { keepWarmMs: 0 })
  const held = executor.invoke('public::p::w::hold', { input: 'pin' }, { version: '1.0.0' })
  await gates.reached('pin')
  const load = closedLoop(4, () =>
    executor.invokeJson('public::p::w::say', '{}', { version: '1.0.0' }),
  )
  await load.more(500)
  await load.stop()
  t.same(load.errors, [])
  t.equal(new Set(load.answers.map(({ generation }) => generation)).size, 1)
  gates.open('pin')
  t.match(await held, { version: '1.0.0' })
  await until(executor, 'it to expire', () => generationOf(executor, 'p', '1.0.0') === undefined)
})

t.test('a version that is kept warm serves its pins, and nothing is loaded for them', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.0.0', '1.1.0']) place.drop(makeTasks('p', version, SAY))
  const executor = await start(t, place)
  await promote(executor, '1.0.0')
  const { generation = 0, state } = generationOf(executor, 'p', '1.1.0') ?? {}
  t.equal(state, 'drained')
  t.match(await say(executor, 'p', { version: '1.1.0' }), { version: '1.1.0', generation })
  t.match(await executor.invoke('public::p::w', 1, { version: '^1.1.0' }), {
    say: { version: '1.1.0', generation },
  })
  t.equal(row(executor, 'p').generations.length, 2)
  await promote(executor, '1.1.0')
  t.match(generationOf(executor, 'p', '1.1.0'), { state: 'active', generation })
  t.match(await completeReceipt(executor, 'p', '1.1.0'), { spare: 'revive', lost: 0 })
})

t.test('a version is pinned while its generation drains without holding that up', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', HOLD + SAY))
  const executor = await start(t, place)
  const holding = executor.invoke('public::p::w::hold', { input: 'drain' })
  await gates.reached('drain')
  place.drop(makeTasks('p', '2.0.0', SAY))
  await untilActive(executor, 'p', '2.0.0')
  const draining = generationOf(executor, 'p', '1.0.0')
  t.equal(draining?.state, 'draining')
  const answer = await say(executor, 'p', { version: '1.0.0' })
  t.not(answer.generation, draining?.generation)
  const byNumber = { generation: draining?.generation ?? 0 }
  t.match(await say(executor, 'p', byNumber), { version: '1.0.0', ...byNumber })
  gates.open('drain')
  await holding
  t.match(await completeReceipt(executor, 'p', '2.0.0'), { drained: 1, killed: 0, lost: 0 })
})
