import fc from 'fast-check'
import t from 'tap'
import { holdsAfterPromotion, isQuarantine, quarantineReason } from '../../src/domain/holds.ts'
import { compareVersions } from '../../src/domain/version-policy.ts'
import { holds } from '../helpers/property.ts'

const after = (
  before: Readonly<Record<string, string>>,
  promoted: string,
  present: readonly string[],
): Record<string, string> =>
  Object.fromEntries(
    holdsAfterPromotion(new Map(Object.entries(before)), promoted, present, 'asked for'),
  )

const THREE = ['1.2.0', '1.1.0', '1.0.0']

t.test(
  'H1: what lies above the chosen version is held, with the reason it was given first',
  (t) => {
    t.same(after({}, '1.0.0', THREE), { '1.1.0': 'asked for', '1.2.0': 'asked for' })
    t.same(after({ '1.2.0': 'bad prices' }, '1.0.0', THREE), {
      '1.1.0': 'asked for',
      '1.2.0': 'bad prices',
    })
    t.same(after({ '1.9.0': 'gone from the folder' }, '1.2.0', THREE), {
      '1.9.0': 'gone from the folder',
    })
    t.end()
  },
)

t.test('H1: a hold below the version chosen next is lifted', (t) => {
  const back = after({}, '1.0.0', THREE)
  t.same(after(back, '1.2.0', THREE), {})
  t.same(after(back, '1.1.0', THREE), { '1.2.0': 'asked for' })
  t.end()
})

t.test('H2: a quarantined version is held until it is promoted itself', (t) => {
  const held = { '1.1.0': quarantineReason(4) }
  t.ok(isQuarantine(held['1.1.0']))
  t.same(after(held, '1.2.0', THREE), held)
  t.same(after(held, '1.0.0', THREE), { ...held, '1.2.0': 'asked for' })
  t.same(after(held, '1.1.0', THREE), { '1.2.0': 'asked for' })
  t.end()
})

t.test(
  'the version chosen is never held, all present above it are, none below it newly is',
  (t) => {
    const version = fc
      .tuple(fc.nat(3), fc.nat(3), fc.constantFrom('', '-rc.1'))
      .map(([major, minor, pre]) => `${major}.${minor}.0${pre}`)
    holds(
      t,
      fc.property(
        fc.array(fc.tuple(version, fc.constantFrom('why', quarantineReason(5)))),
        fc.array(version),
        version,
        (before, present, promoted) => {
          const result = holdsAfterPromotion(new Map(before), promoted, present, 'now')
          const above = present.filter((one) => compareVersions(one, promoted) > 0)
          return (
            !result.has(promoted) &&
            above.every((one) => result.has(one)) &&
            [...result].every(
              ([one, why]) => compareVersions(one, promoted) > 0 || isQuarantine(why),
            )
          )
        },
      ),
      { numRuns: 300 },
    )
    t.end()
  },
)
