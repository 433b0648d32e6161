import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { Held } from '../../src/generation/held.ts'
import type { Lane } from '../../src/generation/lane.ts'
import { LaneWatch } from '../../src/generation/lane-watch.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { type FakeLane, NotedRequest, openFakeLane } from './fake-lane.ts'

interface Watched extends FakeLane {
  readonly watch: LaneWatch
  /** `stalled`, `deadline 1`, `blocked 1`, `stubborn 1` (seq). */
  readonly found: string[]
}

/** `takeBack`: what stands still is taken back, as a crew does. */
function watched(t: { teardown(fn: () => unknown): void }, takeBack = true): Watched {
  const clock = new ManualClock()
  const fake = openFakeLane(t, 4, clock)
  const found: string[] = []
  const note =
    (what: string) =>
    (_lane: Lane, held: Held): void =>
      void found.push(`${what} ${held.request.seq}`)
  const watch = new LaneWatch({
    clock,
    lanes: () => [fake.lane],
    shortestTimeoutMs: 1_000,
    killGraceMs: 5_000,
    onStalled: (lane) => {
      found.push('stalled')
      if (takeBack) lane.revoke()
    },
    onDeadline: note('deadline'),
    onBlocked: note('blocked'),
    onStubborn: note('stubborn'),
  })
  return { ...fake, watch, found }
}

t.test('W1: a batch that stands still between two looks is given back, once', (t) => {
  const fake = watched(t)
  const [first] = fake.hand(new NotedRequest(1, 'w::slow'), new NotedRequest(2))
  fake.watch.arm()
  fake.begin(first)
  fake.clock.advance(1)
  t.same(fake.found, [], 'one was begun before the first look')
  fake.clock.advance(1)
  t.same(fake.found, ['stalled'])
  t.same(fake.upcalls, ['moved 2'])
  fake.clock.advance(50)
  t.same(fake.found, ['stalled'], 'there is nothing left to give back')
  t.end()
})

t.test('W1: a batch that goes on is left alone', (t) => {
  const fake = watched(t)
  const held = fake.hand(new NotedRequest(1), new NotedRequest(2), new NotedRequest(3))
  fake.watch.arm()
  for (const one of held) {
    fake.begin(one)
    fake.clock.advance(1)
  }
  t.same(fake.found, [])
  t.end()
})

t.test('W2: a deadline counts from begin, not from the hand-over', async (t) => {
  const fake = watched(t, false)
  const [held] = fake.hand(new NotedRequest(1, 'w::slow'))
  fake.watch.arm()
  fake.clock.advance(900)
  fake.begin(held)
  fake.clock.advance(1_000)
  await setImmediate()
  t.notOk(fake.found.includes('deadline 1'))
  fake.clock.advance(125)
  await setImmediate()
  t.ok(fake.found.includes('deadline 1'))
})

t.test('W2: a loop that does not turn after the abort is blocked', async (t) => {
  const fake = watched(t)
  const [held] = fake.hand(new NotedRequest(1, 'w::slow'))
  fake.begin(held)
  fake.watch.arm()
  fake.clock.advance(1_125)
  await setImmediate()
  t.same(fake.found.slice(-1), ['deadline 1'])
  fake.clock.advance(250)
  await setImmediate()
  t.same(fake.found.slice(-1), ['deadline 1'], 'not yet')
  fake.clock.advance(125)
  await setImmediate()
  t.same(fake.found.slice(-1), ['blocked 1'])
})

t.test(
  'W2: a loop that turns, with a call that does not end, is stubborn after the grace',
  async (t) => {
    const fake = watched(t)
    const [held] = fake.hand(new NotedRequest(1, 'w::slow'))
    fake.begin(held)
    fake.watch.arm()
    fake.clock.advance(1_125)
    await setImmediate()
    held.abortSeen = true
    fake.clock.advance(5_000)
    await setImmediate()
    t.notOk(fake.found.includes('stubborn 1'))
    fake.clock.advance(125)
    await setImmediate()
    t.ok(fake.found.includes('stubborn 1'))
    t.notOk(fake.found.includes('blocked 1'))
  },
)

t.test('W4: a call whose answer waits to be read is not late', async (t) => {
  const fake = watched(t)
  const [held] = fake.hand(new NotedRequest(1, 'w::slow'))
  fake.begin(held)
  fake.watch.arm()
  // In this phase of the event loop the next poll comes before the next immediate.
  await setImmediate()
  fake.answer(1, [held, '"in time"'])
  fake.clock.advance(1_125)
  await setImmediate()
  t.ok(fake.upcalls.includes('answered 1 2'))
  t.notOk(fake.found.includes('deadline 1'))
})

t.test('W4: a thread whose sign of life waits to be read is not blocked', async (t) => {
  const fake = watched(t)
  const [held] = fake.hand(new NotedRequest(1, 'w::slow'))
  fake.begin(held)
  fake.watch.arm()
  fake.clock.advance(1_125)
  await setImmediate()
  t.ok(fake.found.includes('deadline 1'))
  fake.port.postMessage({ type: 'abortSeen', slot: held.slot, id: held.id })
  fake.clock.advance(375)
  await setImmediate()
  t.ok(held.abortSeen)
  t.notOk(fake.found.includes('blocked 1'))
})

t.test('a killed thread ends its other calls once', async (t) => {
  const clock = new ManualClock()
  const fake = openFakeLane(t, 4, clock)
  const requests = [new NotedRequest(1, 'w::slow'), new NotedRequest(2, 'w::slow')]
  const found: string[] = []
  const watch = new LaneWatch({
    clock,
    lanes: () => [fake.lane],
    shortestTimeoutMs: 1_000,
    killGraceMs: 5_000,
    onStalled: () => {},
    onDeadline: (_, held) => void found.push(`deadline ${held.request.seq}`),
    onBlocked: () => void fake.lose(),
    onStubborn: () => {},
  })
  const [first] = fake.hand(requests[0] as NotedRequest)
  fake.begin(first)
  watch.arm()
  fake.clock.advance(1_125)
  await setImmediate()
  const [second] = fake.hand(requests[1] as NotedRequest)
  fake.begin(second)
  // One is blocked and the other late when they are looked at again.
  fake.clock.advance(1_125)
  await setImmediate()
  t.same(found, ['deadline 1'])
  t.same(requests[1]?.notes, ['failed WORKER_LOST'])
})

t.test('W3: no timer runs while nothing is held', async (t) => {
  const fake = watched(t)
  t.equal(fake.clock.timers, 0)
  const [held] = fake.hand(new NotedRequest(1))
  fake.watch.arm()
  t.equal(fake.clock.timers, 2)
  fake.begin(held)
  fake.answer(1, [held, '1'])
  await fake.taken()
  fake.clock.advance(200)
  t.equal(fake.clock.timers, 0)
})

t.test('a thread that is blocked for long is looked at for its deadline only', (t) => {
  const fake = watched(t)
  const [held] = fake.hand(new NotedRequest(1, 'w::slow'))
  fake.begin(held)
  fake.watch.arm()
  fake.clock.advance(10)
  t.equal(fake.clock.timers, 1)
  t.end()
})

t.test('after its end it looks no more', (t) => {
  const fake = watched(t)
  fake.hand(new NotedRequest(1))
  fake.watch.arm()
  fake.watch.end()
  fake.watch.arm()
  t.equal(fake.clock.timers, 0)
  t.end()
})
