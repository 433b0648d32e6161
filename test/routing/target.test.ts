import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import type { PackagePolicy } from '../../src/domain/route.ts'
import { allows, compareVersions } from '../../src/domain/version-policy.ts'
import {
  type Candidate,
  type CrashFacts,
  type TargetFacts,
  versionAfterCrash,
  versionToPromote,
} from '../../src/routing/target.ts'

const AUTO: PackagePolicy = { mode: 'auto' }
const MANUAL: PackagePolicy = { mode: 'manual' }

const self = (version: string, promotion: PackagePolicy = AUTO): Candidate => ({
  version,
  promotion,
})

const FACTS: TargetFacts = {
  eligible: [self('1.0.0'), self('1.1.0'), self('2.0.0-rc.1')],
  policy: null,
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
  t.equal(target({ restored: '1.0.0', policy: MANUAL }), '1.0.0')
  t.equal(target({ restored: '0.9.0' }), '1.1.0', 'it is gone')
  t.equal(target({ restored: '1.0.0', active: '1.1.0', activePresent: true }), null)
  t.equal(target({ policy: MANUAL }), null)
  t.equal(target({ held: new Map([['1.1.0', 'why']]) }), '1.0.0')
  t.end()
})

t.test('a lower version takes over only when the active one has left the folder', (t) => {
  const at = (active: string, activePresent: boolean): string | null =>
    versionToPromote({ ...FACTS, policy: AUTO, active, activePresent })
  t.equal(at('1.2.0', true), null)
  t.equal(at('1.2.0', false), '1.1.0')
  t.equal(at('1.0.0', true), '1.1.0')
  t.equal(at('2.0.0-rc.1', true), null, 'an operator’s prerelease stays')
  t.end()
})

t.test('a version is promoted when the policy in force allows it, and it allows itself', (t) => {
  const target = (policy: PackagePolicy | null, ...eligible: Candidate[]): string | null =>
    versionToPromote({ ...FACTS, policy, eligible, active: '1.0.0', activePresent: true })
  t.equal(target(AUTO, self('1.0.0'), self('2.0.0', MANUAL)), null)
  t.equal(target(AUTO, self('1.0.0'), self('2.0.0', MANUAL), self('1.5.0')), '1.5.0')
  t.equal(target(MANUAL, self('1.0.0', MANUAL), self('2.0.0')), null)
  const pre: PackagePolicy = { mode: 'range', range: '>=2.0.0-rc.0' }
  t.equal(target(null, self('2.0.0-rc.1', pre)), '2.0.0-rc.1', 'nothing is in force')
  t.equal(target(AUTO, self('2.0.0-rc.1', pre)), null)
  t.end()
})

const CRASH: CrashFacts = {
  eligible: [self('1.0.0'), self('1.5.0'), self('2.0.0'), self('3.0.0')],
  policy: AUTO,
  held: new Map(),
  crashing: '2.0.0',
  previous: null,
}

t.test('a crash loop leads back to the version before, or to a lower one, never up', (t) => {
  const after = (facts: Partial<CrashFacts>): string | null =>
    versionAfterCrash({ ...CRASH, ...facts })
  t.equal(after({ previous: '1.0.0' }), '1.0.0')
  t.equal(after({}), '1.5.0')
  t.equal(after({ previous: '0.9.0' }), '1.5.0', 'the one before is gone')
  t.equal(after({ previous: '1.0.0', held: new Map([['1.0.0', 'bad']]) }), '1.5.0')
  t.equal(after({ crashing: '1.0.0' }), null)
  t.equal(after({ crashing: '1.0.0', previous: '3.0.0' }), '3.0.0', 'it was approved once')
  t.equal(after({ policy: { mode: 'range', range: '^2' } }), null)
  t.end()
})

t.test('under manual a crash loop leads back to the version before, or nowhere', (t) => {
  const after = (previous: string | null): string | null =>
    versionAfterCrash({ ...CRASH, policy: MANUAL, previous })
  t.equal(after('1.0.0'), '1.0.0')
  t.equal(after(null), null)
  t.equal(after('0.9.0'), null)
  t.end()
})

const policy = fc.constantFrom<PackagePolicy>(AUTO, MANUAL, { mode: 'range', range: '^1.0.0' })
const version = fc
  .tuple(fc.nat(2), fc.nat(2), fc.constantFrom('', '-rc.1'))
  .map(([major, minor, pre]) => `${major}.${minor}.0${pre}`)
const eligible = fc.uniqueArray(fc.record({ version, promotion: policy }), {
  selector: (one) => one.version,
})
const held = fc.array(version).map((versions) => new Map(versions.map((one) => [one, 'why'])))
const facts: fc.Arbitrary<TargetFacts> = fc
  .record({
    eligible,
    policy: fc.option(policy),
    held,
    restored: fc.option(version),
    active: fc.option(version),
  })
  .map((given) => ({
    ...given,
    activePresent: given.eligible.some((one) => one.version === given.active),
  }))

t.test('doing what it says is the end of it', (t) => {
  holds(
    t,
    fc.property(facts, (given) => {
      const wanted = versionToPromote(given)
      if (wanted === null) return
      const found = given.eligible.find((one) => one.version === wanted)
      if (found === undefined) throw new Error(`${wanted} is not eligible`)
      if (wanted === given.active) throw new Error('it is active already')
      const isRestored = given.active === null && wanted === given.restored
      const isAllowed = [given.policy ?? found.promotion, found.promotion].every((one) =>
        allows(one, wanted),
      )
      if (!isRestored && (given.held.has(wanted) || !isAllowed)) {
        throw new Error(`${wanted} is only for an operator`)
      }
      if (given.activePresent && compareVersions(wanted, given.active ?? '') < 0) {
        throw new Error('a downgrade')
      }
      // The policy in force is from now on its own.
      let after = { ...given, active: wanted, policy: found.promotion, activePresent: true }
      const seen = new Set([wanted])
      for (let next = versionToPromote(after); next !== null; next = versionToPromote(after)) {
        if (seen.has(next)) throw new Error(`round and round: ${next}`)
        seen.add(next)
        const promotion = given.eligible.find((one) => one.version === next)?.promotion ?? AUTO
        after = { ...after, active: next, policy: promotion }
      }
    }),
    { numRuns: 2000, seed: 11 },
  )
  t.end()
})

t.test('what takes over after a crash loop was active before, or is lower and allowed', (t) => {
  holds(
    t,
    fc.property(
      fc.record({
        eligible,
        policy: fc.option(policy),
        held,
        crashing: version,
        previous: version,
      }),
      (given) => {
        const next = versionAfterCrash(given)
        if (next === null) return true
        const found = given.eligible.find((one) => one.version === next)
        if (found === undefined || given.held.has(next) || next === given.crashing) return false
        if (next === given.previous) return true
        const isLower = compareVersions(next, given.crashing) < 0
        return isLower && allows(given.policy ?? found.promotion, next)
      },
    ),
    { numRuns: 2000, seed: 12 },
  )
  t.end()
})
