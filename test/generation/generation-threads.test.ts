import t from 'tap'
import type { Generation } from '../../src/generation/generation.ts'
import { refuseLeaks, workerThreads } from '../helpers/leaks.ts'
import { until } from '../helpers/until.ts'
import { openHarness } from './harness.ts'
import { HANG, tasks } from './tasks.ts'

refuseLeaks(t)
const harness = openHarness(t)

function lanesWithRoom(generation: Generation): number {
  return [...generation.lanes()].filter(({ room }) => room > 0).length
}

t.test('C1: of a thread that ends, the begun are lost and the others move', async (t) => {
  const { generation, call, crashes, gaveBack } = await harness.serve({ tasks })
  const held = call('hold')
  const first = await call('mine').answer
  const exit = call('exit')
  const after = [call('mine'), call('mine')]
  const lost = { code: 'WORKER_LOST', details: { why: 'worker exited with code: 3' } }
  await t.rejects(exit.answer, lost)
  await t.rejects(held.answer, lost)
  const [second, third] = await Promise.all(after.map(({ answer }) => answer))
  t.not(second, first, 'on a new thread')
  t.equal(second, third)
  t.same(crashes, ['worker exited with code: 3'])
  t.equal(generation.exits, 1)
  t.equal(generation.threads, 1)
  t.ok(gaveBack.length <= 2)
  await generation.close(true)
})

t.test(
  'C2: a stubborn thread serves no more, its replacement does, its calls may finish',
  async (t) => {
    const { generation, call, crashes } = await harness.serve({ tasks }, { killGraceMs: 400 })
    const old = await call('mine').answer
    const hang = call('hang')
    const held = call('hold')
    const waits = call('wait', 700)
    await t.rejects(hang.answer, { code: 'TASK_TIMEOUT' })
    t.equal(await call('mine').answer, old, 'until the grace has passed')
    await until(() => generation.threads === 2, 'the replacement')
    const during = await Promise.race([call('mine').answer, waits.answer])
    t.not(during, old)
    t.equal(await waits.answer, 'waited', 'on the old thread')
    await t.rejects(held.answer, { code: 'WORKER_LOST' })
    t.equal(generation.threads, 1)
    t.same(crashes, [], 'the executor ended it')
    t.not(await call('mine').answer, old)
    await generation.close(false)
  },
)

t.test('C2: two threads condemned together are both replaced at once', async (t) => {
  const { generation, call } = await harness.serve(
    { tasks },
    { threads: 2, concurrency: 1, killGraceMs: 300 },
  )
  t.teardown(() => generation.close(true))
  const hangs = [call('hang'), call('hang')]
  for (const { answer } of hangs) await t.rejects(answer, { code: 'TASK_TIMEOUT' })
  await until(() => generation.threads === 4, 'both replacements start beside them')
  await until(() => lanesWithRoom(generation) === 2, 'both serve', 5_000)
  await until(() => generation.threads === 2, 'the condemned ones are ended')
})

t.test('C2: a condemned thread that then blocks has one replacement, not two', async (t) => {
  const { generation, call } = await harness.serve(
    { tasks: { ...tasks, late: 'setTimeout(() => { for (;;); }, ctx.input); ' + HANG } },
    { killGraceMs: 300 },
  )
  const hang = call('hang')
  const second = call('late', 550)
  await t.rejects(hang.answer, { code: 'TASK_TIMEOUT' })
  await t.rejects(second.answer, { code: 'WORKER_LOST' })
  await call('echo').answer
  await until(() => generation.threads === 1 && workerThreads() === 1, 'one thread')
  await generation.close(false)
})

t.test('C3: four exits in ten seconds are a crash loop, and later ones wait longer', async (t) => {
  const { generation, call, crashLoops } = await harness.serve({ tasks })
  for (let i = 0; i < 5; i++) await t.rejects(call('exit').answer, { code: 'WORKER_LOST' })
  t.same(crashLoops, [4, 5])
  generation.take('crashLoop', 'test')
  t.equal(generation.state, 'quarantined')
  generation.take('retire', 'test')
  await generation.close(false)
  t.equal(workerThreads(), 0)
})

t.test('several threads share the calls, and one of them is replaced alone', async (t) => {
  const served = await harness.serve({ tasks }, { threads: 3, concurrency: 1 })
  const { generation, call } = served
  t.equal(generation.threads, 3)
  // Long enough that one taken back from a sleepy thread finds the others busy.
  const meet = (): Promise<unknown[]> => Promise.all([1, 2, 3].map(() => call('slow').answer))
  const found = await meet()
  t.equal(new Set(found).size, 3)
  await t.rejects(call('exit').answer)
  await until(() => lanesWithRoom(generation) === 3, 'the replacement')
  const after = await meet()
  t.equal(after.filter((one) => found.includes(one)).length, 2)
  await generation.close(false)
})
