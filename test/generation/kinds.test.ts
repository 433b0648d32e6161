import t from 'tap'
import { kinds } from './fake-lane.ts'

t.test('kinds are numbered in declared order and found by workflow::task', (t) => {
  t.same(
    kinds.list.map(({ index, key }) => [index, key]),
    [
      [0, 'w::quick'],
      [1, 'w::slow'],
    ],
  )
  t.equal(kinds.get('w::slow')?.task.timeoutMs, 1_000)
  t.equal(kinds.get('w::none'), undefined)
  t.equal(kinds.get('__proto__'), undefined)
  t.end()
})

t.test('the cost comes near what a typical call takes, from above and below', (t) => {
  const kind = kinds.list[0]
  for (const ms of [5, 0.01]) {
    for (let i = 0; i < 400; i++) kind?.observe(ms)
    const cost = kind?.costMs ?? 0
    t.ok(cost > ms * 0.9 && cost < ms * 1.1, `${cost} for ${ms}`)
  }
  t.end()
})

t.test('one long call among many short ones changes little', (t) => {
  const kind = kinds.list[1]
  for (let i = 0; i < 1_000; i++) kind?.observe(i % 50 === 0 ? 500 : 0.02)
  t.ok((kind?.costMs ?? 1) < 0.05, String(kind?.costMs))
  t.end()
})

t.test('the cost stays above nothing', (t) => {
  const kind = kinds.list[0]
  for (let i = 0; i < 2_000; i++) kind?.observe(0)
  t.ok((kind?.costMs ?? 0) >= 0.0005)
  kind?.observe(Number.NaN)
  t.ok(Number.isFinite(kind?.costMs))
  t.end()
})
