import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import semver from 'semver'
import t from 'tap'
import type { PackagePolicy } from '../../src/domain/route.ts'
import {
  allows,
  checkVersion,
  compareVersions,
  describePolicy,
  highestEligible,
  matchVersion,
  parsePolicy,
} from '../../src/domain/version-policy.ts'

const NONE: ReadonlyMap<string, string> = new Map()
const AUTO: PackagePolicy = { mode: 'auto' }

const number = fc.nat({ max: 12 })
const version = fc
  .tuple(number, number, number, fc.constantFrom('', '', '-rc.1', '-rc.10', '-beta', '-0'))
  .map(([major, minor, patch, pre]) => `${major}.${minor}.${patch}${pre}`)

t.test('only exact versions without build metadata are versions', (t) => {
  for (const good of ['1.2.3', '0.0.1', '1.0.0-rc.1']) t.equal(checkVersion(good), good)
  for (const bad of [
    '',
    '1',
    '1.2',
    'v1.2.3',
    ' 1.2.3',
    '1.2.3 ',
    '01.2.3',
    '1.2.3+b',
    'latest',
    '^1.2.3',
  ]) {
    t.throws(() => checkVersion(bad), { code: 'VERSION_INVALID' }, bad)
  }
  t.throws(() => checkVersion(undefined as unknown as string), { code: 'VERSION_INVALID' })
  t.end()
})

t.test('auto agrees with the order of semver, prereleases and held versions left out', (t) => {
  holds(
    t,
    fc.property(fc.array(version), fc.array(version, { maxLength: 3 }), (versions, holds) => {
      const held = new Map(holds.map((v) => [v, 'rolled back']))
      const expected = semver
        .rsort(versions.filter((v) => semver.prerelease(v) === null && !held.has(v)))
        .at(0)
      return highestEligible(versions, AUTO, held) === (expected ?? null)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('a range agrees with maxSatisfying, for policies and for pins', (t) => {
  const range = fc
    .tuple(fc.constantFrom('^', '~', '>=', '<', '', '>'), version)
    .map(([operator, v]) => operator + v)
  holds(
    t,
    fc.property(fc.array(version), range, (versions, text) => {
      const expected = semver.maxSatisfying(versions, text)
      return (
        highestEligible(versions, { mode: 'range', range: text }, NONE) === expected &&
        matchVersion(text, versions) === expected
      )
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('manual promotes nothing, and a held version is passed over in a range', (t) => {
  const versions = ['1.0.0', '1.1.0', '2.0.0-rc.1']
  t.equal(highestEligible(versions, { mode: 'manual' }, NONE), null)
  t.equal(highestEligible(versions, AUTO, NONE), '1.1.0')
  const held = new Map([['1.1.0', 'rolled back']])
  t.equal(highestEligible(versions, { mode: 'range', range: '^1' }, held), '1.0.0')
  t.equal(highestEligible([], AUTO, NONE), null)
  t.equal(highestEligible(['rubbish', '1.0.0'], AUTO, NONE), '1.0.0')
  t.end()
})

t.test('a pin is the version itself, or the highest in its range by the rules of npm', (t) => {
  const versions = ['1.0.0', '1.2.0', '1.3.0-rc.1', '2.0.0']
  t.equal(matchVersion('1.2.0', versions), '1.2.0')
  t.equal(matchVersion('1.3.0-rc.1', versions), '1.3.0-rc.1')
  t.equal(matchVersion('^1.0.0', versions), '1.2.0')
  t.equal(matchVersion('>=1.3.0-rc.0 <1.4.0', versions), '1.3.0-rc.1')
  t.equal(matchVersion('*', versions), '2.0.0')
  t.equal(matchVersion('1.x', versions), '1.2.0')
  for (const none of ['9.9.9', '^3', 'latest', '', ' ', '1.2.0+build', '1 || '.repeat(10_000)]) {
    t.equal(matchVersion(none, versions), null, none.slice(0, 20))
  }
  t.end()
})

t.test('a policy is read back as it is described', (t) => {
  for (const text of ['auto', 'manual', '^1.2.0', '1.x || >=3 <4', '~2']) {
    t.equal(describePolicy(parsePolicy(text)), text)
  }
  t.same(parsePolicy(' ^1 '), { mode: 'range', range: '^1' })
  for (const bad of ['', 'latest', 'AUTO', 'not a range', 'x'.repeat(300)]) {
    t.throws(() => parsePolicy(bad), { code: 'OPTION_INVALID', message: /neither auto nor manual/ })
  }
  t.end()
})

t.test('versions are compared by precedence, not by text', (t) => {
  t.ok(compareVersions('1.10.0', '1.9.0') > 0)
  t.ok(compareVersions('1.0.0-rc.1', '1.0.0') < 0)
  t.equal(compareVersions('1.0.0', '1.0.0'), 0)
  t.end()
})

t.test('a policy allows what it would choose by itself', (t) => {
  const range: PackagePolicy = { mode: 'range', range: '^1.0.0' }
  t.same(
    [AUTO, range, { mode: 'manual' } as const].map((policy) =>
      ['1.0.0', '1.1.0-rc.1', '2.0.0', 'rubbish'].map((version) => allows(policy, version)),
    ),
    [
      [true, false, true, false],
      [true, false, false, false],
      [false, false, false, false],
    ],
  )
  t.end()
})
