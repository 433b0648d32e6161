import t from 'tap'
import { doubling } from '../../src/base/doubling.ts'

t.test('each wait is twice the one before, up to the longest, however many tries fail', (t) => {
  t.same(
    [0, 1, 2, 3, 4, 5000].map((round) => doubling(250, 2_000, round)),
    [250, 500, 1_000, 2_000, 2_000, 2_000],
  )
  t.end()
})
