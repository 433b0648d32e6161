import t from 'tap'
import { parsePackageJson } from '../../src/domain/package-json.ts'
import type { StagedDrop } from '../../src/source/source.ts'
import { Versions, versionKey } from '../../src/source/versions.ts'

const { options } = parsePackageJson('{"name":"a","version":"1.0.0"}', 'a')

function dropOf(entry: string, digest = 'd'): StagedDrop {
  const identity = { entry, tenant: 'public', package: 'a', version: '1.0.0', digest }
  const bytes = {
    artifactDir: '/x',
    files: 1,
    bytes: 1,
    landedAt: null,
    detectedAt: 0,
    stagedAt: 0,
  }
  return { ...identity, entryFile: 'index.ts', options, ...bytes }
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
  t.equal(versions.back('one', dropOf('one')), true)
  t.equal(versions.back('two', dropOf('two')), false)
  versions.release('one', key)
  t.same(versions.sweep(1), { removed: [], nextAt: null })
  versions.release('two', key)
  t.same(versions.sweep(2), { removed: [], nextAt: 2 })
  t.match(versions.sweep(3).removed, [{ entry: 'two', package: 'a', version: '1.0.0' }])
  t.equal(versions.size, 0)
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
