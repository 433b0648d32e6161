import fc from 'fast-check'
import t from 'tap'
import { type Filled, shareOf } from '../../src/generation/share.ts'
import { holds } from '../helpers/property.ts'

/** A lane with room. */
const open = (heldCount: number): Filled => ({ level: 0, moves: true, heldCount })
/** One whose batch is under way. */
const busy = (heldCount: number): Filled => ({ level: 99, moves: true, heldCount })
/** One that stands still, or ends. */
const still = (heldCount: number): Filled => ({ level: 99, moves: false, heldCount })

t.test('lanes with room share what waits equally', (t) => {
  const lane = open(0)
  t.equal(shareOf([lane, open(0)], lane, 9, 0), 5)
  t.equal(shareOf([lane], lane, 9, 0), 9)
  t.end()
})

t.test('a lane that is filled alone leaves to one under way what makes both equally full', (t) => {
  const lane = open(4)
  t.equal(shareOf([lane, busy(20)], lane, 30, 0), 23)
  t.equal(shareOf([lane, busy(0)], lane, 10, 0), 3)
  const full = open(40)
  t.equal(shareOf([full, busy(0)], full, 10, 0), 1, 'and never waits itself')
  t.end()
})

t.test('a lane that stands still has no share: the others take all of it', (t) => {
  const lane = open(50)
  t.equal(shareOf([lane, still(1), still(1), still(1)], lane, 10, 0), 10)
  t.end()
})

t.test('a share is at least one and at most what waits', (t) => {
  const others = fc.array(fc.tuple(fc.nat(64), fc.constantFrom(open, busy, still)))
  holds(
    t,
    fc.property(others, fc.nat(64), fc.integer({ min: 1, max: 500 }), (list, held, waiting) => {
      const lane = open(held)
      const share = shareOf([lane, ...list.map(([n, make]) => make(n))], lane, waiting, 0)
      return share >= 1 && share <= waiting
    }),
  )
  t.end()
})
