import t from 'tap'
import { parsePackageJson } from '../../src/domain/package-json.ts'
import type { SignatureState } from '../../src/domain/signature-policy.ts'
import type { StagedDrop } from '../../src/source/source.ts'
import { Versions, versionKey } from '../../src/source/versions.ts'

const { options } = parsePackageJson('{"name":"a","version":"1.0.0"}', 'a')

function dropOf(entry: string, digest = 'd', papers: Partial<StagedDrop> = {}): StagedDrop {
  const identity = { entry, tenant: 'public', package: 'a', version: '1.0.0', digest }
  const bytes = {
    artifactDir: '/x',
    files: 1,
    bytes: 1,
    manifest: null,
    signatures: [],
    doubt: null,
    landedAt: null,
    detectedAt: 0,
    stagedAt: 0,
  }
  return { ...identity, entryFile: 'index.ts', options, ...bytes, ...papers }
}

t.test('V1: the first digest stays on record, also after the version is removed', (t) => {
  const versions = new Versions(new Map([['public/b@1.0.0', 'known']]), 0)
  const drop = dropOf('e')
  const key = versionKey(drop)
  t.equal(versions.digestOf('public/b@1.0.0'), 'known')
  t.equal(versions.digestOf(key), undefined)
  versions.back('e', drop)
  versions.release('e', key)
  versions.sweep(1)
  t.equal(versions.sweep(2).removed.length, 1)
  t.equal(versions.digestOf(key), 'd')
  t.end()
})

t.test('V2: a version is reported once and goes with its last backer', (t) => {
  const versions = new Versions(new Map(), 0)
  const key = versionKey(dropOf('one'))
  t.equal(versions.back('one', dropOf('one'))?.entry, 'one')
  t.equal(versions.back('two', dropOf('two')), null)
  versions.release('one', key)
  t.same(versions.sweep(1), { removed: [], nextAt: null })
  versions.release('two', key)
  t.same(versions.sweep(2), { removed: [], nextAt: 2 })
  t.match(versions.sweep(3).removed, [{ entry: 'two', package: 'a', version: '1.0.0' }])
  t.equal(versions.size, 0)
  t.end()
})

t.test('V4: a provisional version is on record for all but the entry that backs it', (t) => {
  const versions = new Versions(new Map(), 0)
  const drop = { ...dropOf('one'), provisional: true } as const
  const key = versionKey(drop)
  versions.back('one', drop)
  t.equal(versions.provisional(key), drop)
  t.same([versions.digestOf(key, 'one'), versions.digestOf(key, 'two')], [undefined, 'd'])
  versions.back('two', drop)
  t.equal(versions.digestOf(key, 'one'), 'd', 'two entries back it')
  t.equal(versions.withdraw(key, 'other'), false)
  t.equal(versions.withdraw(key, 'd'), true)
  t.same([versions.digestOf(key), versions.present(key)?.entry], [undefined, undefined])
  versions.back('one', drop)
  versions.record(key, 'd')
  t.same([versions.digestOf(key, 'one'), versions.provisional(key)], ['d', null])
  t.end()
})

t.test('V3: removal takes the time and two listings, and a return starts anew', (t) => {
  const versions = new Versions(new Map(), 100)
  const key = versionKey(dropOf('e'))
  versions.back('e', dropOf('e'))
  versions.release('e', key)
  t.same(versions.sweep(1000), { removed: [], nextAt: 1100 })
  t.same(versions.sweep(1099), { removed: [], nextAt: 1100 })
  versions.back('e', dropOf('e'))
  versions.release('e', key)
  t.same(versions.sweep(5000), { removed: [], nextAt: 5100 }, 'one listing is not enough')
  versions.restartAbsences()
  t.same(versions.sweep(9000), { removed: [], nextAt: 9100 }, 'unknown is not absent')
  t.equal(versions.sweep(9100).removed.length, 1)
  t.end()
})

t.test('V4: the entry with the best papers speaks for a version, and once for each', (t) => {
  const versions = new Versions(new Map(), 0)
  const key = versionKey(dropOf('e'))
  const signedBy = (state: SignatureState): Partial<StagedDrop> => ({
    manifest: state,
    signatures: [{ publicKey: state, key: state, isValid: state !== 'invalid', state }],
  })
  const back = (entry: string, papers: Partial<StagedDrop> = {}): string | null =>
    versions.back(entry, dropOf(entry, 'd', papers))?.entry ?? null
  t.equal(back('plain'), 'plain')
  t.equal(back('listed', { manifest: 'list' }), 'listed')
  t.equal(back('listed', { manifest: 'list' }), null, 'read again, it says the same')
  t.equal(back('other', { manifest: 'other' }), 'other', 'of two alike the later one')
  t.equal(back('listed', { manifest: 'list' }), null, 'which reading again does not change')
  t.equal(back('trusted', signedBy('trusted')), 'trusted')
  t.equal(back('stranger', signedBy('unknown')), null)
  t.equal(back('odd', signedBy('invalid')), null)
  t.equal(back('plain'), null)
  t.equal(versions.present(key)?.entry, 'trusted')
  t.equal(versions.release('other', key), null)
  t.equal(versions.release('trusted', key)?.entry, 'stranger', 'the best of those that are left')
  t.equal(back('stranger', signedBy('trusted')), 'stranger', 'signed anew')
  t.equal(back('stranger', { manifest: 'bare' }), 'stranger', 'and not signed any more')
  t.end()
})
