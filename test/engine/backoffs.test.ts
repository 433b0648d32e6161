import t from 'tap'
import { Backoffs } from '../../src/engine/backoffs.ts'
import type { Generation } from '../../src/generation/generation.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

/** Told apart, and asked for nothing else. */
const [one, other] = [{ live: true }, { live: true }] as [Generation, Generation]
const retired = { live: false } as Generation

t.test('each goes on when its time has come', (t) => {
  const clock = new ManualClock()
  const backoffs = new Backoffs(clock)
  const went: string[] = []
  backoffs.wait(one, 20, () => went.push('late'))
  backoffs.wait(one, 10, () => {
    went.push('early')
    backoffs.wait(one, 5, () => went.push('again'))
  })
  clock.advance(14)
  t.same(went, ['early'])
  clock.advance(6)
  t.same(went, ['early', 'again', 'late'])
  t.equal(clock.timers, 0)
  t.end()
})

t.test('O1: a flush lets those of one generation go on at once, and only once', (t) => {
  const clock = new ManualClock()
  const backoffs = new Backoffs(clock)
  const went: string[] = []
  backoffs.wait(one, 10, () => went.push('a'))
  backoffs.wait(one, 99, () => went.push('b'))
  backoffs.wait(other, 10, () => went.push('c'))
  backoffs.flush(one)
  t.same(went, ['a', 'b'])
  t.equal(clock.timers, 1)
  backoffs.flush(one)
  clock.advance(100)
  t.same(went, ['a', 'b', 'c'])
  t.end()
})

t.test('O1: who comes to a generation that takes no more work goes on at once', (t) => {
  const clock = new ManualClock()
  const backoffs = new Backoffs(clock)
  const went: string[] = []
  backoffs.wait(retired, 60_000, () => went.push('late'))
  t.same(went, [], 'when its caller has ended')
  clock.advance(0)
  t.same(went, ['late'])
  t.end()
})
