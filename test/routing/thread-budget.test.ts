import fc from 'fast-check'
import t from 'tap'
import type { Generation } from '../../src/generation/generation.ts'
import { ThreadBudget } from '../../src/routing/thread-budget.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { holds } from '../helpers/property.ts'

interface Fake {
  isAwaited?: boolean
  threads: number
  idleSince: number | null
  rest(): void
}

function fake(threads: number, idleSince: number | null): Fake {
  return {
    threads,
    idleSince,
    rest() {
      this.threads = 0
      this.idleSince = null
    },
  }
}

function open(fakes: readonly Fake[], maxThreads = 64, coldAfterMs = 1000) {
  const clock = new ManualClock()
  const budget = new ThreadBudget({
    generations: () => fakes as readonly unknown[] as readonly Generation[],
    isAwaited: (one) => (one as unknown as Fake).isAwaited === true,
    maxThreads,
    coldAfterMs,
    clock,
  })
  return { budget, clock }
}

t.test(
  'B2: over the limit the one idle longest gives its threads up, and no more than needed',
  (t) => {
    const now = new ManualClock().monotonic()
    const all = [fake(1, now), fake(2, now - 20), fake(1, now - 10), fake(1, null)]
    const over = open(all, 3)
    over.budget.enforce()
    t.same(
      all.map(({ threads }) => threads),
      [1, 0, 1, 1],
    )
    over.budget.close()
    t.end()
  },
)

t.test('what rests and says so is counted once', (t) => {
  const now = new ManualClock().monotonic()
  const all = [0, 1, 2, 3].map((age) => fake(1, now - age))
  const { budget } = open(all, 2)
  for (const one of all) {
    const rest = one.rest.bind(one)
    one.rest = () => {
      rest()
      budget.enforce()
    }
  }
  budget.enforce()
  t.same(
    all.map(({ threads }) => threads),
    [1, 1, 0, 0],
  )
  budget.close()
  t.end()
})

t.test('B1: one whose threads have just come back for a call keeps them for it', (t) => {
  const now = new ManualClock().monotonic()
  const called = { ...fake(1, now - 30), isAwaited: true }
  const all = [called, fake(1, now - 20), fake(1, now)]
  open(all, 2).budget.enforce()
  t.same(
    all.map(({ threads }) => threads),
    [1, 0, 1],
  )
  t.end()
})

t.test('B1: busy ones keep theirs, also over the limit', (t) => {
  const all = [fake(2, null), fake(2, null)]
  open(all, 1).budget.enforce()
  t.same(
    all.map(({ threads }) => threads),
    [2, 2],
  )
  t.end()
})

t.test('an idle one gives its threads up after its time, without being asked', (t) => {
  const idle = fake(1, new ManualClock().monotonic())
  const { budget, clock } = open([idle, fake(1, null)])
  budget.enforce()
  clock.advance(900)
  t.equal(idle.threads, 1)
  clock.advance(250)
  t.equal(idle.threads, 0)
  t.end()
})

t.test('after close nobody looks', (t) => {
  const idle = fake(1, new ManualClock().monotonic())
  const { budget, clock } = open([idle])
  budget.enforce()
  budget.close()
  clock.advance(5000)
  t.equal(idle.threads, 1)
  t.end()
})

t.test('what is left is within the limit or busy, and those that rest were idle longest', (t) => {
  const one = fc.record({ threads: fc.integer({ min: 1, max: 4 }), idle: fc.option(fc.nat(900)) })
  holds(
    t,
    fc.property(fc.array(one, { maxLength: 20 }), fc.integer({ min: 1, max: 30 }), (list, max) => {
      const fakes = list.map(({ threads }) => fake(threads, null))
      const { budget, clock } = open(fakes, max, 1000)
      const since = list.map(({ idle }) => (idle === null ? null : clock.monotonic() - idle))
      fakes.forEach((each, at) => {
        each.idleSince = since[at] ?? null
      })
      budget.enforce()
      budget.close()
      const left = fakes.reduce((sum, { threads }) => sum + threads, 0)
      const rested = since.filter((_, at) => fakes[at]?.threads === 0) as number[]
      const kept = since.filter((at, i) => at !== null && fakes[i]?.threads !== 0) as number[]
      return (
        (left <= max || kept.length === 0) &&
        rested.every((at) => kept.every((other) => at <= other))
      )
    }),
  )
  t.end()
})
