import t from 'tap'
import { closedLoop, openLoop } from '../../bench/lib/load.ts'
import { measure } from '../../bench/lib/measure.ts'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

t.test('a closed loop sends the next request only for an answer', async (t) => {
  const waiting: PromiseWithResolvers<void>[] = []
  const load = closedLoop(3, () => {
    const answer = Promise.withResolvers<void>()
    waiting.push(answer)
    return answer.promise
  })
  t.equal(load.sent, 3)
  waiting[1]?.resolve()
  await turn()
  t.equal(load.sent, 4)
  const stopped = load.stop()
  for (const answer of waiting) answer.resolve()
  await stopped
  t.equal(load.sent, 4, 'nothing is sent after stop')
})

t.test('G2: stop waits for what is under way', async (t) => {
  const answer = Promise.withResolvers<void>()
  const load = closedLoop(1, () => answer.promise)
  let stopped = false
  const stop = load.stop().then(() => {
    stopped = true
  })
  await turn()
  t.equal(stopped, false)
  answer.resolve()
  await stop
})

t.test('G1: a request that rejects ends the load and shows at stop', async (t) => {
  const closed = closedLoop(2, async (index) => {
    if (index === 5) throw new Error('wrong answer')
    await turn()
  })
  await t.rejects(
    untilThen(() => closed.sent > 5, closed.stop),
    { message: 'wrong answer' },
  )
  const open = openLoop(1000, async () => {
    throw new Error('wrong answer')
  })
  await t.rejects(
    untilThen(() => open.sent > 0, open.stop),
    { message: 'wrong answer' },
  )
})

t.test('an open loop counts from the moment a request was due, answers or not', async (t) => {
  const due: number[] = []
  const never = Promise.withResolvers<void>()
  const enough = Promise.withResolvers<void>()
  const began = performance.now()
  const load = openLoop(500, (index, at) => {
    due.push(at)
    if (at > performance.now()) t.fail(`request ${index} was sent before it was due`)
    if (index === 19) enough.resolve()
    return never.promise
  })
  await enough.promise
  const first = due[0] ?? Number.NaN
  t.ok(first - began >= 2 && first - began < 3, 'the first is due after one interval')
  for (const [index, at] of due.entries()) t.ok(Math.abs(at - first - index * 2) < 1e-6)
  never.resolve()
  await load.stop()
})

t.test('a measurement counts what ends in its window and judges every answer', async (t) => {
  let recorded = 0
  let called = 0
  const measured = await measure({
    inFlight: 4,
    warmUpMs: 5,
    measureMs: 20,
    call: async () => {
      called += 1
      await turn()
    },
    record: () => {
      recorded += 1
    },
  })
  t.ok(measured.tasks > 0 && measured.tasks < called)
  t.ok(recorded <= measured.tasks)
  t.ok(measured.cpuUs > 0)
  await t.rejects(
    measure({
      inFlight: 1,
      warmUpMs: 1,
      measureMs: 1,
      call: () => Promise.reject(new Error('wrong answer')),
      record: () => {},
    }),
    { message: 'wrong answer' },
  )
})

async function untilThen(isTrue: () => boolean, then: () => Promise<void>): Promise<void> {
  while (!isTrue()) await turn()
  await then()
}
