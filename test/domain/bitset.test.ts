import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { Bitset } from '../../src/domain/bitset.ts'

t.test('a bitset is a set of integers', (t) => {
  const value = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 100_000 }), fc.maxSafeNat())
  holds(
    t,
    fc.property(
      fc.array(value, { maxLength: 50 }),
      fc.array(value, { maxLength: 20 }),
      (values, asked) => {
        const bits = new Bitset()
        const set = new Set<number>()
        for (const v of values) {
          if (bits.add(v) === set.has(v)) return false
          set.add(v)
        }
        return [...values, ...asked].every((v) => bits.has(v) === set.has(v))
      },
    ),
    { numRuns: 100 },
  )
  t.end()
})

t.test('full chunks still know their values and refuse them twice', (t) => {
  const [all, most] = [new Bitset(), new Bitset()]
  for (let i = 0; i < 70_000; i++) {
    all.add(i)
    if (i !== 5 && i !== 40_000) most.add(i)
  }
  t.notOk(all.add(0))
  t.notOk(all.add(32_767))
  t.ok(all.has(32_767))
  t.notOk(new Bitset().has(0), 'a full chunk is not shared with others')
  t.same(all.firstNotIn(most, 10), [5, 40_000])
  t.same(all.firstNotIn(most, 1), [5])
  t.same(most.firstNotIn(all, 10), [])
  t.end()
})
