import t from 'tap'
import { HistoryChecker } from '../../src/domain/history.ts'
import type { Executor, InvokeAnswer } from '../../src/index.ts'
import {
  Gates,
  HOLD,
  SAY,
  closedLoop,
  completeReceipt,
  failures,
  generationOf,
  makePlace,
  makeTasks,
  start,
  until,
  untilActive,
} from './helpers.ts'

/** Every call is told to the judge with what it was answered by. */
function judged(
  executor: Executor,
  name: string,
): {
  readonly checker: HistoryChecker
  readonly send: (id: number, namespace: string, body: string) => Promise<InvokeAnswer>
} {
  const checker = new HistoryChecker()
  const epochs = new Set<number>()
  const routed = (epoch: number, generation: number | null): void => {
    if (epochs.has(epoch)) return
    epochs.add(epoch)
    checker.routed(epoch, generation)
  }
  routed(executor.registry.epoch, executor.package('public', name)?.activeGeneration ?? null)
  executor.events.on('receipt', (receipt) => {
    if (receipt.package === name) routed(receipt.epoch, receipt.to.generation)
  })
  return {
    checker,
    send: async (id, namespace, body) => {
      checker.accepted(id)
      try {
        const answer = await executor.invokeJson(namespace, body)
        checker.answered(id, answer.generation, answer.epoch, true)
        return answer
      } catch (error) {
        checker.answered(id, null, executor.registry.epoch, false)
        throw error
      }
    },
  }
}

/** Every 16th call keeps its thread so long that what waits behind it is taken back. */
const MIXED = `.task('say', { run: (_, { input, generation }) => {
  const end = performance.now() + (input % 16 === 0 ? 4 : 0)
  while (performance.now() < end);
  return { version: VERSION, generation, input }
} })`

for (const { what, spare, tasks, headgate } of [
  { what: 'a spare thread', spare: true, tasks: SAY, headgate: {} },
  { what: 'cold starts', spare: false, tasks: SAY, headgate: {} },
  {
    what: 'long tasks among short ones, two threads',
    spare: false,
    tasks: MIXED,
    headgate: { threads: 2 },
  },
]) {
  t.test(`swaps under load lose, double and misroute nothing (${what})`, async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('p', '1.0.0', tasks, headgate))
    const executor = await start(t, place, { spare })
    const { checker, send } = judged(executor, 'p')
    const load = closedLoop(64, async (id) => {
      const namespace = id % 2 === 0 ? 'public::p::w' : 'public::p::w::say'
      const body = id % 2 === 0 ? String(id) : `{"input":${id}}`
      const answer = await send(id, namespace, body)
      const value = JSON.parse(answer.json)
      const said = id % 2 === 0 ? value.say : value
      if (said.input !== id || said.generation !== answer.generation) {
        checker.wrong(`request ${id} was answered with ${answer.json}`)
      }
      return answer
    })
    await load.more(200)
    const versions = ['1.1.0', '1.2.0', '2.0.0', '2.0.1']
    for (const version of versions) {
      place.drop(makeTasks('p', version, tasks, headgate))
      await untilActive(executor, 'p', version)
      await load.more(200)
    }
    await load.stop()

    const verdict = checker.finish()
    t.match(verdict, {
      failed: 0,
      lost: 0,
      doubled: 0,
      wrongGeneration: 0,
      unexpected: 0,
      problems: [],
      accepted: load.sent,
      succeeded: load.sent,
    })
    t.same(load.errors, [])
    t.same(
      [...new Set(load.answers.map((answer) => answer.version))],
      ['1.0.0', ...versions],
      'versions took turns in order',
    )

    let before = '1.0.0'
    for (const version of versions) {
      const receipt = await completeReceipt(executor, 'p', version)
      t.match(receipt, { from: { version: before }, to: { version }, killed: 0, lost: 0 })
      const movedBack = receipt.inFlightAtSwap - Number(receipt.drained)
      t.ok(movedBack >= 0 && movedBack <= receipt.moved, 'what was in flight ended or moved')
      t.ok(Number(receipt.drainMs) >= 0)
      if (before === '1.0.0') t.equal(receipt.spare, spare ? 'hit' : 'miss')
      t.ok(Number(receipt.dropToFirstTaskMs) > 0, 'the new version has answered')
      t.ok(Number(receipt.dropToSwapMs) > 0)
      before = version
    }
    for (const version of ['1.0.0', ...versions.slice(0, -1)]) {
      t.equal(generationOf(executor, 'p', version)?.state, 'drained', `${version} has drained`)
    }
    const rows = executor.package('public', 'p')?.generations ?? []
    const served = rows.reduce((sum, { served }) => sum + served, 0)
    t.equal(served, load.sent, 'each request was run once, by the count of the threads')
  })
}

t.test('what does not end before the drain deadline is ended and counted', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const listens = `.task('listens', { run: async (_, { input, signal }) => {
    channel.postMessage({ at: input })
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  } })
  .task('retries', { retry: { attempts: 2, delay: '60s' }, run: (_, { log }) => {
    log.info('failed'); throw new Error('no') } })`
  place.drop(makeTasks('p', '1.0.0', HOLD + listens, { drainTimeout: 300 }))
  const executor = await start(t, place)
  const failed = executor.events.once('log')
  const held = executor.invoke('public::p::w::hold', { input: 'ends' })
  const doomed = failures([
    executor.invoke('public::p::w::listens', { input: 'doomed' }),
    executor.invoke('public::p::w::retries'),
    executor.invoke('public::p::w', 'whole'),
  ])
  await Promise.all([
    gates.reached('ends'),
    gates.reached('doomed'),
    gates.reached('whole'),
    failed,
  ])
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(executor, 'p', '1.1.0')
  gates.open('ends')
  t.match(await held, { version: '1.0.0' })
  const state = (): string | undefined => generationOf(executor, 'p', '1.0.0')?.state
  await until(executor, 'the deadline', () => state() === 'terminating')
  gates.open('whole')
  for (const error of await doomed) {
    t.match(error, {
      code: 'GENERATION_TERMINATED',
      retryable: true,
      message: /did not drain in time/,
    })
  }
  const receipt = await completeReceipt(executor, 'p', '1.1.0')
  t.match(receipt, { inFlightAtSwap: 4, drained: 1, killed: 3, lost: 0 })
  await until(executor, 'it to be gone', () => state() === undefined)
})

t.test('the sample workflow swaps under load', async (t) => {
  const place = makePlace(t)
  place.dropSample('analytics_pipeline-2.1.0')
  const executor = await start(t, place)
  const { checker, send } = judged(executor, 'analytics_pipeline')
  const namespace = 'public::analytics_pipeline::analytics_workflow'
  const load = closedLoop(16, (id) => send(id, namespace, '{"limit":20}'))
  await load.more(30)
  place.dropSample('.next/analytics_pipeline-2.2.0')
  await untilActive(executor, 'analytics_pipeline', '2.2.0')
  await load.more(30)
  await load.stop()
  t.match(checker.finish(), { failed: 0, lost: 0, doubled: 0, wrongGeneration: 0, problems: [] })
  await until(
    executor,
    '2.1.0 to drain',
    () => generationOf(executor, 'analytics_pipeline', '2.1.0')?.state === 'drained',
  )
  t.match(await completeReceipt(executor, 'analytics_pipeline', '2.2.0'), { lost: 0, killed: 0 })
})
