import fc from 'fast-check'
import t from 'tap'
import { quietAfter } from '../../src/source/quiet.ts'
import { holds } from '../helpers/property.ts'

const TIMES = { usual: 250, longest: 5000 }

t.test('Q1: a pause in a copy is waited for twice over, within bounds', (t) => {
  t.equal(quietAfter(100, 250, TIMES), 250, 'no pause')
  t.equal(quietAfter(251, 250, TIMES), 502)
  t.equal(quietAfter(700, 502, TIMES), 1400)
  t.equal(quietAfter(1200, 1400, TIMES), 1400, 'it was waited for')
  t.equal(quietAfter(4000, 250, TIMES), 2000)
  t.equal(
    quietAfter(300, 0, { usual: 0, longest: 5000 }),
    0,
    'nothing is waited for where 0 is asked',
  )
  t.end()
})

t.test('Q2: an edit of what lay there for a while is taken after the usual time', (t) => {
  t.equal(quietAfter(5001, 2000, TIMES), 250)
  t.end()
})

t.test(
  'a copy whose pauses are within a second is taken for whole too early twice at most',
  (t) => {
    holds(
      t,
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 30 }), (pauses) => {
        let quiet = TIMES.usual
        let early = 0
        let last = 0
        for (const pause of pauses) {
          // Only a pause of more than twice the longest before can be taken for the end.
          if (pause > quiet) {
            early++
            if (last !== 0 && pause <= 2 * last) return false
            last = pause
          }
          quiet = quietAfter(pause, quiet, TIMES)
        }
        return early <= 2 && quiet <= 2000
      }),
    )
    t.end()
  },
)
