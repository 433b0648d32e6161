import t from 'tap'
import {
  type CheckedSignature,
  judgeSignatures,
  SIGNATURE_POLICIES,
  weightOf,
} from '../../src/domain/signature-policy.ts'

const VERSION = { tenant: 'acme', package: 'p', version: '1.0.0' }
const KEYS = new Map([
  ['acme', ['A']],
  ['globex', ['B']],
  ['*', ['C']],
])

function by(publicKey: string, isValid = true): CheckedSignature {
  return { publicKey, key: `id-${publicKey}`, isValid }
}

/** What is said of it under `off`, `warn` and `require`, with `!` where it is refused. */
function said(checked: readonly CheckedSignature[], tenant = 'acme'): readonly string[] {
  return SIGNATURE_POLICIES.map((policy) => {
    const { doubt, isRefused } = judgeSignatures({ ...VERSION, tenant }, checked, {
      policy,
      keys: KEYS,
    })
    return `${doubt?.code ?? 'fine'}${isRefused ? '!' : ''}`
  })
}

t.test('each policy says what it says of each kind of signature', (t) => {
  t.same(said([]), ['fine', 'SIGNATURE_MISSING', 'SIGNATURE_MISSING!'])
  t.same(said([by('A')]), ['fine', 'fine', 'fine'])
  t.same(said([by('C')]), ['fine', 'fine', 'fine'], 'trusted for all tenants')
  t.same(said([by('X')]), ['fine', 'SIGNATURE_UNTRUSTED', 'SIGNATURE_UNTRUSTED!'])
  t.same(said([by('X'), by('A')]), ['fine', 'fine', 'fine'], 'one trusted key is enough')
  t.same(said([by('A', false)]), ['fine', 'SIGNATURE_INVALID!', 'SIGNATURE_INVALID!'])
  t.same(said([by('A'), by('X', false)]), ['fine', 'SIGNATURE_INVALID!', 'SIGNATURE_INVALID!'])
  t.end()
})

t.test('P1: a key counts for the tenants it is listed for', (t) => {
  t.equal(said([by('B')])[2], 'SIGNATURE_UNTRUSTED!')
  t.equal(said([by('B')], 'globex')[2], 'fine')
  t.equal(said([by('A')], 'globex')[2], 'SIGNATURE_UNTRUSTED!')
  t.equal(said([by('C')], 'new')[2], 'fine')
  t.equal(said([by('A')], 'constructor')[2], 'SIGNATURE_UNTRUSTED!')
  t.end()
})

t.test('P3: who signed is said under each policy', (t) => {
  const { signatures } = judgeSignatures(VERSION, [by('A'), by('X'), by('C', false)], {
    policy: 'off',
    keys: KEYS,
  })
  t.same(
    signatures.map(({ key, state }) => [key, state]),
    [
      ['id-A', 'trusted'],
      ['id-X', 'unknown'],
      ['id-C', 'invalid'],
    ],
  )
  t.end()
})

t.test('of two copies the one with more to say for it weighs more', (t) => {
  const weights = [
    [],
    ['unknown'],
    ['trusted'],
    ['unknown', 'trusted'],
    ['trusted', 'invalid'],
  ].map((states) => weightOf(states.map((state) => ({ state: state as 'trusted' }))))
  t.same(weights, [0, 1, 2, 2, 0])
  t.end()
})
