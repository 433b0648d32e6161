import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import type { PackagePolicy } from '../../src/domain/route.ts'
import { compareVersions } from '../../src/domain/version-policy.ts'
import { type TargetFacts, versionToPromote } from '../../src/routing/target.ts'

const FACTS: TargetFacts = {
  eligible: ['1.0.0', '1.1.0', '2.0.0-rc.1'],
  policy: { mode: 'auto' },
  held: new Map(),
  restored: null,
  active: null,
  activePresent: false,
}

t.test('what was active before a restart comes first, then the highest eligible', (t) => {
  const target = (facts: Partial<TargetFacts>): string | null =>
    versionToPromote({ ...FACTS, ...facts })
  t.equal(target({}), '1.1.0')
  t.equal(target({ restored: '1.0.0' }), '1.0.0')
  t.equal(target({ restored: '2.0.0-rc.1' }), '2.0.0-rc.1')
  t.equal(target({ restored: '1.0.0', policy: { mode: 'manual' } }), '1.0.0')
  t.equal(target({ restored: '0.9.0' }), '1.1.0', 'it is gone')
  t.equal(target({ restored: '1.0.0', active: '1.1.0', activePresent: true }), null)
  t.equal(target({ policy: { mode: 'manual' } }), null)
  t.equal(target({ held: new Map([['1.1.0', 'why']]) }), '1.0.0')
  t.end()
})

t.test('a lower version takes over only when the active one has left the folder', (t) => {
  const at = (active: string, activePresent: boolean): string | null =>
    versionToPromote({ ...FACTS, active, activePresent })
  t.equal(at('1.2.0', true), null)
  t.equal(at('1.2.0', false), '1.1.0')
  t.equal(at('1.0.0', true), '1.1.0')
  t.equal(at('2.0.0-rc.1', true), null, 'an operator’s prerelease stays')
  t.end()
})

const version = fc
  .tuple(fc.nat(2), fc.nat(2), fc.constantFrom('', '-rc.1'))
  .map(([major, minor, pre]) => `${major}.${minor}.0${pre}`)
const facts: fc.Arbitrary<TargetFacts> = fc
  .record({
    eligible: fc.uniqueArray(version),
    policy: fc.constantFrom<PackagePolicy>(
      { mode: 'auto' },
      { mode: 'manual' },
      { mode: 'range', range: '^1.0.0' },
    ),
    held: fc.array(version).map((versions) => new Map(versions.map((one) => [one, 'why']))),
    restored: fc.option(version),
    active: fc.option(version),
  })
  .map((given) => ({
    ...given,
    activePresent: given.active !== null && given.eligible.includes(given.active),
  }))

t.test('doing what it says is the end of it', (t) => {
  holds(
    t,
    fc.property(facts, (given) => {
      const wanted = versionToPromote(given)
      if (wanted === null) return
      if (!given.eligible.includes(wanted)) throw new Error(`${wanted} is not eligible`)
      if (wanted === given.active) throw new Error('it is active already')
      const isRestored = given.active === null && wanted === given.restored
      if (!isRestored && (given.held.has(wanted) || given.policy.mode === 'manual')) {
        throw new Error(`${wanted} is only for an operator`)
      }
      if (given.activePresent && compareVersions(wanted, given.active ?? '') < 0) {
        throw new Error('a downgrade')
      }
      const after = { ...given, restored: null, active: wanted, activePresent: true }
      const next = versionToPromote(after)
      // What was restored may give way to a higher one once; nothing goes round and round.
      if (next !== null && versionToPromote({ ...after, active: next }) !== null) {
        throw new Error(`${wanted}, then ${next}, then another`)
      }
    }),
    { numRuns: 2000, seed: 11 },
  )
  t.end()
})
