import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { until } from '../helpers/until.ts'
import { gone, NotedRequest, openFakeLane } from './fake-lane.ts'

type Four = [NotedRequest, NotedRequest, NotedRequest, NotedRequest]

t.test('a request travels as slot and body, its numbers in shared memory', async (t) => {
  const fake = openFakeLane(t)
  const [first, second] = fake.hand(new NotedRequest(1), new NotedRequest(2, 'w::slow'))
  await fake.arrived()
  t.same(fake.batches, [[first.slot, '{}', second.slot, '{}']])
  t.equal(fake.slots.kind(second.slot), 1)
  t.equal(fake.slots.id(second.slot), second.id)
})

t.test('N1: nothing more is taken until the batch is acknowledged', async (t) => {
  const fake = openFakeLane(t)
  t.equal(fake.lane.room, 4)
  const request = new NotedRequest(1)
  const [held] = fake.hand(request)
  t.equal(fake.lane.room, 0)
  t.equal(fake.lane.heldCount, 1)
  t.ok(fake.begin(held))
  fake.answer(0, [held, '7'])
  await fake.taken()
  t.same(request.notes, ['ok 7'], 'an answer may come before the acknowledgement')
  t.equal(fake.lane.room, 0)
  fake.answer(1)
  await fake.taken()
  t.equal(fake.lane.room, 4)
  t.same(fake.upcalls, ['answered 1 2', 'ran 1'])
})

t.test('N2: a slot taken back is used again after the acknowledgement only', async (t) => {
  const fake = openFakeLane(t, 2)
  const [first, second] = fake.hand(new NotedRequest(1), new NotedRequest(2))
  fake.begin(first)
  t.same(
    fake.lane.revoke().map(({ request }) => request.seq),
    [2],
  )
  t.notOk(fake.begin(second), 'the worker passes over it')
  fake.answer(0, [first, 'null'])
  await fake.taken()
  t.equal(fake.lane.heldCount, 0)
  t.equal(fake.lane.room, 0)
  fake.answer(1)
  await fake.taken()
  t.equal(fake.lane.room, 2)
  const again = fake.hand(new NotedRequest(3), new NotedRequest(4))
  t.ok(again.every((held) => fake.begin(held)))
})

t.test('what is taken back moves in the order in which it was handed over', (t) => {
  const fake = openFakeLane(t)
  const requests = [1, 2, 3, 4].map((seq) => new NotedRequest(seq)) as Four
  const [first] = fake.hand(...requests)
  fake.begin(first)
  t.equal(fake.lane.batchUnderWay, 1)
  fake.lane.revoke()
  t.same(fake.upcalls, ['moved 2', 'moved 3', 'moved 4'])
  t.same(
    requests.map(({ notes }) => notes),
    [[], ['moved'], ['moved'], ['moved']],
  )
  t.equal(fake.lane.batchUnderWay, null, 'there is nothing left to take back')
  t.same(fake.lane.revoke(), [])
  t.end()
})

t.test('one request is taken back unless it was begun', (t) => {
  const fake = openFakeLane(t)
  const [first, second] = fake.hand(new NotedRequest(1), new NotedRequest(2))
  fake.begin(first)
  t.notOk(fake.lane.revokeOne(first))
  t.ok(fake.lane.revokeOne(second))
  t.notOk(fake.lane.revokeOne(second), 'once')
  t.same(fake.upcalls, ['moved 2'])
  t.end()
})

t.test('N3: of a lost thread, the begun fail and the others move, each once', async (t) => {
  const fake = openFakeLane(t)
  const requests = [1, 2, 3, 4].map((seq) => new NotedRequest(seq)) as Four
  const held = fake.hand(...requests)
  const [first, second] = held
  fake.begin(first)
  fake.begin(second)
  fake.answer(0, [first, '1'])
  await fake.taken()
  const moved = fake.lose()
  t.same(
    moved.map(({ seq }) => seq),
    [3, 4],
  )
  t.same(
    requests.map(({ notes }) => notes.join()),
    ['ok 1', 'failed WORKER_LOST', 'moved', 'moved'],
  )
  t.equal(fake.lane.room, 0)
  t.same(fake.lose(), [], 'a second time there is nothing to lose')
})

t.test('what a lost thread had not begun is given back before what it had is answered', (t) => {
  const fake = openFakeLane(t)
  const requests = [new NotedRequest(1), new NotedRequest(2)] as const
  const [first] = fake.hand(...requests)
  fake.begin(first)
  fake.lane.lost(gone, (moved) => {
    t.same(moved, [requests[1]])
    t.same(requests[0].notes, [])
  })
  t.same(requests[0].notes, ['failed WORKER_LOST'])
  t.end()
})

t.test('a call that is answered already is not answered again by its thread', async (t) => {
  const fake = openFakeLane(t)
  const requests = [new NotedRequest(1), new NotedRequest(2)] as const
  const held = fake.hand(...requests)
  for (const one of held) {
    fake.begin(one)
    one.answered = true
  }
  const [first] = held
  fake.answer(1, [first, '1'])
  await fake.taken()
  fake.lose()
  t.same(
    requests.map(({ notes }) => notes),
    [[], []],
  )
  t.same(fake.upcalls.slice(1), ['ran 1', 'lost 2'], 'but it is released')
})

t.test('a call that fails after an abort is told why the executor ended it', async (t) => {
  const fake = openFakeLane(t)
  const requests = [new NotedRequest(1), new NotedRequest(2), new NotedRequest(3)] as const
  const held = fake.hand(...requests)
  const ended = new HeadgateError('GENERATION_TERMINATED', { task: 'x' })
  for (const one of held) fake.begin(one)
  for (const one of held.slice(0, 2)) fake.lane.abort(one, 'the end', ended)
  const fault = JSON.stringify({ code: 'TASK_FAILED', message: 'own', terminal: false })
  const [first, second, third] = held
  fake.answer(1, [first, fault, true], [second, '"in time"'], [third, fault, true])
  await fake.taken()
  t.same(
    requests.map(({ notes }) => notes.join()),
    ['failed GENERATION_TERMINATED', 'ok "in time"', 'failed TASK_FAILED'],
  )
  await fake.arrived()
  t.match(fake.cold, [
    { type: 'abort', slot: first.slot, id: first.id, reason: 'the end' },
    { type: 'abort', slot: second.slot, id: second.id },
  ])
})

t.test('begin is told in wall time, and keeps what was seen first', (t) => {
  const fake = openFakeLane(t)
  const { clock, lane, slots } = fake
  const began = clock.now()
  const [held] = fake.hand(new NotedRequest(1))
  t.equal(lane.begunAt(held), null)
  clock.advance(100)
  fake.begin(held)
  clock.advance(30)
  t.equal(lane.begunAt(held), began + 100)
  slots.begin(held.slot, 2_000_000_000)
  t.equal(lane.begunAt(held), began + 100)
  t.end()
})

t.test('a thread that says it begins in the future begins now', (t) => {
  const fake = openFakeLane(t)
  const [held] = fake.hand(new NotedRequest(1))
  fake.slots.begin(held.slot, 1_000_000)
  t.equal(fake.lane.begunAt(held), fake.clock.now())
  fake.clock.advance(500)
  t.equal(fake.lane.begunAt(held), fake.clock.now() - 500)
  t.end()
})

t.test('begin is right in a lane that is open for 60 days', (t) => {
  const fake = openFakeLane(t)
  fake.clock.advance(60 * 24 * 3_600_000)
  const [held] = fake.hand(new NotedRequest(1))
  const began = fake.clock.now()
  fake.begin(held)
  fake.clock.advance(250)
  t.equal(fake.lane.begunAt(held), began)
  t.end()
})

const NONSENSE = {
  'a result of a slot that holds nothing': [0, 3, '1'],
  'a result of no slot': [0, 'x', '1'],
  'a result without a text': [0, 0, 7],
}
for (const [what, message] of Object.entries(NONSENSE)) {
  t.test(`${what} is a violation`, async (t) => {
    const fake = openFakeLane(t)
    const request = new NotedRequest(1)
    fake.hand(request)
    fake.port.postMessage(message)
    await fake.taken()
    t.same(fake.upcalls, ['violation: a result for a request it does not hold'])
    t.same(request.notes, [])
  })
}

t.test('numbers of a thread that lies do not spread', async (t) => {
  const fake = openFakeLane(t)
  const held = fake.hand(new NotedRequest(1), new NotedRequest(2), new NotedRequest(3))
  const lies = [Number.NaN, Number.POSITIVE_INFINITY, -5]
  held.forEach((one, i) => {
    fake.begin(one)
    fake.slots.end(one.slot, false, lies[i] ?? 0, lies[i] ?? 0)
  })
  fake.port.postMessage([1, ...held.flatMap(({ slot }) => [slot, 'null'])])
  await fake.taken()
  t.same(
    fake.upcalls.filter((line) => line.startsWith('answered')),
    ['answered 1 0', 'answered 2 0', 'answered 3 0'],
  )
  t.ok(Number.isFinite(held[0].kind.costMs))
})

t.test('a fault that cannot be read is an ordinary failure', async (t) => {
  const fake = openFakeLane(t)
  const request = new NotedRequest(1)
  const [held] = fake.hand(request)
  fake.begin(held)
  fake.answer(1, [held, '{', true])
  await fake.taken()
  t.match(request.failure, { code: 'TASK_FAILED', message: 'its error cannot be read' })
})

t.test('a caller that throws on its answer costs the thread, not the process', async (t) => {
  const fake = openFakeLane(t)
  const request = new NotedRequest(1)
  request.onSuccess = (json) => JSON.parse(json)
  const [held] = fake.hand(request)
  fake.begin(held)
  fake.answer(1, [held, '{'])
  await fake.taken()
  t.match(fake.upcalls.at(-1), /^violation: its results cannot be taken/)
})

t.test('cold messages are checked, and those of a call go to the call', async (t) => {
  const fake = openFakeLane(t)
  const [held] = fake.hand(new NotedRequest(1))
  const { slot, id } = held
  fake.port.postMessage({ type: 'progress', slot, id: id + 1, fraction: 1, note: 'stale' })
  fake.port.postMessage({ type: 'abortSeen', slot, id })
  fake.port.postMessage({ type: 'progress', slot, id, fraction: 0.255, note: 'rows' })
  fake.port.postMessage({ type: 'log', lines: [], dropped: 3 })
  await fake.taken()
  t.equal(held.abortSeen, true)
  t.equal(held.progress, '26 % rows')
  t.same(fake.messages, [{ type: 'log', lines: [], dropped: 3 }])
  fake.port.postMessage({ type: 'log', lines: 'none' })
  fake.port.postMessage(null)
  await fake.taken()
  t.same(fake.upcalls, Array(2).fill('violation: a message of no known form'))
})

t.test('after close nothing of the thread is heard', async (t) => {
  const fake = openFakeLane(t)
  const other = openFakeLane(t)
  const request = new NotedRequest(1)
  const [held] = fake.hand(request)
  fake.begin(held)
  fake.answer(1, [held, '1'])
  fake.lane.close()
  await other.taken()
  t.same(request.notes, [])
  t.equal(fake.lane.room, 0)
})

t.test('a stopped lane takes nothing and goes on with what it holds', async (t) => {
  const fake = openFakeLane(t)
  const request = new NotedRequest(1)
  const [held] = fake.hand(request)
  fake.begin(held)
  fake.lane.stop()
  fake.answer(1, [held, '1'])
  await fake.taken()
  t.same(request.notes, ['ok 1'])
  t.equal(fake.lane.room, 0)
})

t.test('what a thread sent before its end is heard, even when its end is known first', (t) => {
  const fake = openFakeLane(t)
  const requests = [1, 2, 3].map((seq) => new NotedRequest(seq))
  const [done, begun] = fake.hand(...requests)
  if (done === undefined || begun === undefined) throw new Error('three are held')
  fake.begin(done)
  fake.begin(begun)
  fake.answer(0, [done, '7'])
  fake.port.postMessage({ type: 'log', lines: [], dropped: 3 })
  const moved = fake.lose()
  t.same(
    requests.map(({ notes }) => notes),
    [['ok 7'], ['failed WORKER_LOST'], ['moved']],
  )
  t.same(
    moved.map(({ seq }) => seq),
    [3],
  )
  t.match(fake.messages, [{ type: 'log', dropped: 3 }])
  t.equal(fake.lane.room, 0)
  t.end()
})

t.test('a thread that broke the rules is not heard out', async (t) => {
  const fake = openFakeLane(t)
  const request = new NotedRequest(1)
  const [held] = fake.hand(request)
  fake.begin(held)
  fake.port.postMessage('nonsense')
  await until(() => fake.upcalls.length > 0, 'the violation')
  fake.answer(0, [held, '7'])
  fake.lose()
  t.same(request.notes, ['failed WORKER_LOST'])
})
