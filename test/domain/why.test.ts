import t from 'tap'
import { quarantineReason } from '../../src/domain/holds.ts'
import { VERDICTS, type Verdict } from '../../src/domain/verdict.ts'
import { type RefusalFacts, type VersionFacts, explainVersion } from '../../src/domain/why.ts'

const NOON = Date.UTC(2026, 0, 2, 12)
const TIME = '2026-01-02T12:00:00.000Z'

const refusal = (change: Partial<RefusalFacts> = {}): RefusalFacts => ({
  entry: 'p-1.2.0',
  kind: 'rejected',
  code: 'GRAPH_INVALID',
  message: 'it has a cycle',
  since: NOON,
  again: 'change',
  retryAt: null,
  ...change,
})

const generation = (state: string, exits = 0): VersionFacts['generation'] => ({
  number: 3,
  state,
  since: NOON,
  reason: 'dropped',
  exits,
})

const facts = (change: Partial<VersionFacts> = {}): VersionFacts => ({
  version: '1.2.0',
  entry: 'p-1.2.0',
  policy: { mode: 'auto' },
  activeVersion: '1.3.0',
  best: '1.3.0',
  held: null,
  refusal: null,
  impostors: [],
  generation: null,
  epoch: null,
  replaced: null,
  signatures: [],
  doubt: null,
  ...change,
})

const replaced = { by: '1.3.0', at: NOON, epoch: 9, reason: 'dropped' }
const lower = { activeVersion: '1.1.0', best: '1.1.0' }

const CASES: readonly {
  readonly verdict: Verdict
  readonly given: Partial<VersionFacts>
  readonly says: readonly string[]
}[] = [
  {
    verdict: 'active',
    given: { activeVersion: '1.2.0', best: '1.2.0', generation: generation('active'), epoch: 7 },
    says: [
      `It serves as g3 since ${TIME}, epoch 7: dropped.`,
      'It is the highest version that the policy auto allows and nothing holds back.',
    ],
  },
  {
    verdict: 'active',
    given: { activeVersion: '1.2.0', best: '1.2.0', generation: generation('active', 4), epoch: 7 },
    says: [
      `It serves as g3 since ${TIME}, epoch 7: dropped.`,
      'It is the highest version that the policy auto allows and nothing holds back.',
      '4 of its threads have ended by themselves and were replaced: its output and the log say why.',
    ],
  },
  {
    verdict: 'active',
    given: { activeVersion: '1.2.0', best: '1.9.0', entry: null, policy: { mode: 'manual' } },
    says: ['It serves.', 'promoted by hand', 'no longer in the folder'],
  },
  {
    verdict: 'active',
    given: {
      activeVersion: '1.2.0',
      impostors: [refusal({ entry: 'other', code: 'VERSION_CONFLICT', message: 'other bytes' })],
    },
    says: ['other claims to be this version too: VERSION_CONFLICT: other bytes.'],
  },
  {
    verdict: 'incomplete',
    given: { entry: null, refusal: refusal({ kind: 'incomplete', message: 'a.ts is missing' }) },
    says: [`not complete since ${TIME}`, 'a.ts is missing', 'when something in it changes'],
  },
  {
    verdict: 'incomplete',
    given: { version: null, entry: null, refusal: refusal({ kind: 'incomplete', again: 'retry' }) },
    says: ['by itself, later and later'],
  },
  {
    verdict: 'deferred',
    given: { refusal: refusal({ kind: 'deferred', again: 'retry', retryAt: NOON }) },
    says: ['put off', `tried again at ${TIME}`],
  },
  {
    verdict: 'deferred',
    given: { refusal: refusal({ kind: 'deferred', again: 'room' }) },
    says: ['when another generation of the package has drained'],
  },
  {
    verdict: 'refused',
    given: { refusal: refusal(), generation: generation('rejected') },
    says: [
      `p-1.2.0 was refused since ${TIME}. GRAPH_INVALID: it has a cycle.`,
      'mend it under a higher version',
    ],
  },
  {
    verdict: 'refused',
    given: { version: null, entry: null, refusal: refusal() },
    says: ['looked at again when something in it changes, and not before'],
  },
  {
    verdict: 'quarantined',
    given: { held: quarantineReason(4), refusal: refusal({ code: 'CRASH_LOOP' }) },
    says: ['quarantined: 4 threads lost', 'until it is promoted by hand'],
  },
  {
    verdict: 'loading',
    given: { ...lower, generation: generation('probing') },
    says: [`It is being loaded: g3, probing since ${TIME}.`],
  },
  {
    verdict: 'removed',
    given: { entry: null, generation: generation('draining') },
    says: ['no longer in the folder', `g3 is draining since ${TIME}`],
  },
  {
    verdict: 'held',
    given: { ...lower, held: 'bad prices', replaced: { ...replaced, by: '1.1.0' } },
    says: ['It is held: bad prices.', '1.1.0 took its place', 'epoch 9', 'lifts the hold'],
  },
  {
    verdict: 'superseded',
    given: { replaced, generation: generation('drained') },
    says: ['1.3.0 serves, which is higher.', `took its place at ${TIME}, epoch 9: dropped.`, 'g3'],
  },
  { verdict: 'superseded', given: {}, says: ['1.3.0 serves, which is higher.'] },
  {
    verdict: 'manual',
    given: { activeVersion: null, policy: { mode: 'manual' } },
    says: ['The policy is manual', 'Promote it by hand, or call it by its version.'],
  },
  {
    verdict: 'prerelease',
    given: { ...lower, version: '1.2.0-rc.1' },
    says: ['a prerelease, which the policy auto never takes'],
  },
  {
    verdict: 'outside-range',
    given: { ...lower, policy: { mode: 'range', range: '~1.1.0' } },
    says: ['outside the range ~1.1.0'],
  },
  { verdict: 'next', given: { activeVersion: null }, says: ['the next to be loaded'] },
]

for (const { verdict, given, says } of CASES) {
  t.test(`${verdict}: ${says[0]}`, (t) => {
    const found = explainVersion(facts(given))
    t.equal(found.verdict, verdict)
    const text = [found.summary, ...found.details].join('\n')
    for (const part of says) t.ok(text.includes(part), `${part} in:\n${text}`)
    for (const line of [found.summary, ...found.details]) t.match(line, /^\S.*\.$/, 'a sentence')
    t.end()
  })
}

t.test('there is a case of every verdict', (t) => {
  t.same([...new Set(CASES.map(({ verdict }) => verdict))].sort(), [...VERDICTS].sort())
  t.end()
})
