import t from 'tap'
import { Hints } from '../../../src/packaging/dev/hints.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

function waiting(hints: Hints): { readonly times: (number | null)[] } {
  const times: (number | null)[] = []
  void hints.next().then((at) => times.push(at))
  return { times }
}

/** Promises settle in between. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('a burst is one look, 15 ms after its last hint, counted from its first', async (t) => {
  const clock = new ManualClock()
  const hints = new Hints(clock)
  const { times } = waiting(hints)
  const first = clock.monotonic()
  for (let hint = 0; hint < 3; hint++) {
    hints.hint()
    clock.advance(10)
  }
  await turn()
  t.strictSame(times, [])
  clock.advance(5)
  await turn()
  t.strictSame(times, [first])
  t.equal(clock.timers, 0)
})

t.test('hints that never rest are looked at after 60 ms', async (t) => {
  const clock = new ManualClock()
  const hints = new Hints(clock)
  const { times } = waiting(hints)
  const first = clock.monotonic()
  for (let hint = 0; hint < 6; hint++) {
    t.strictSame(times, [])
    hints.hint()
    clock.advance(10)
    await turn()
  }
  t.strictSame(times, [first])
})

t.test('without hints there is a look a second', async (t) => {
  const clock = new ManualClock()
  const hints = new Hints(clock)
  const { times } = waiting(hints)
  clock.advance(999)
  await turn()
  t.strictSame(times, [])
  clock.advance(1)
  await turn()
  t.strictSame(times, [null])
})

t.test('a hint that comes while nobody waits is not lost', async (t) => {
  const clock = new ManualClock()
  const hints = new Hints(clock)
  const first = clock.monotonic()
  hints.hint()
  clock.advance(500)
  const { times } = waiting(hints)
  clock.advance(0)
  await turn()
  t.strictSame(times, [first])
})

t.test('close ends a wait, and every later one at once', async (t) => {
  const clock = new ManualClock()
  const hints = new Hints(clock)
  const { times } = waiting(hints)
  hints.close()
  const later = waiting(hints)
  await turn()
  t.strictSame([times, later.times], [[null], [null]])
  t.equal(clock.timers, 0)
})
