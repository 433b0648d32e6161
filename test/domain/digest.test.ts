import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { fileListDigest, MANIFEST_FILE } from '../../src/domain/digest.ts'
import { parseManifest } from '../../src/domain/manifest.ts'

const sha = (digit: string): string => digit.repeat(64)
const a = { path: 'a', size: 1, sha256: sha('a') }
const b = { path: 'b', size: 2, sha256: sha('b') }

t.test('the digest ignores the order of the list and the manifest file', (t) => {
  const manifest = { path: MANIFEST_FILE, size: 9, sha256: sha('c') }
  t.equal(fileListDigest([b, manifest, a]), fileListDigest([a, b]))
  t.match(fileListDigest([a]), /^[0-9a-f]{64}$/)
  t.end()
})

t.test('the digest of a given list never changes between releases', (t) => {
  t.equal(
    fileListDigest([a, b]),
    'af403150318a94b98848e7eace97a58a0eb225ad6225c6563a06a31245d9858d',
  )
  t.end()
})

t.test('lists that differ in any field have different digests, whatever the paths hold', (t) => {
  const file = fc.record({
    path: fc.string({ minLength: 1, unit: fc.constantFrom('a', '"', ',', '\n', ']', '/', '1') }),
    size: fc.nat(20),
    sha256: fc.constantFrom(sha('a'), sha('b')),
  })
  const list = fc.uniqueArray(file, { selector: ({ path }) => path, maxLength: 4 })
  const sorted = (files: readonly (typeof a)[]): string =>
    JSON.stringify([...files].sort((x, y) => (x.path < y.path ? -1 : 1)).map(Object.values))
  holds(
    t,
    fc.property(list, list, (one, other) => {
      const same = fileListDigest(one) === fileListDigest(other)
      return same === (sorted(one) === sorted(other))
    }),
  )
  t.end()
})

t.test('a manifest is refused with the reason', (t) => {
  const write = (files: unknown): string => JSON.stringify({ contract: 1, files })
  const refuse = (text: string, why: string): void => {
    t.throws(() => parseManifest(text, 'x'), { code: 'MANIFEST_INVALID', message: new RegExp(why) })
  }
  t.same(parseManifest(write([a]), 'x').files, [a])
  refuse('{', 'not JSON')
  refuse(JSON.stringify({ files: [a] }), 'contract')
  refuse(write([]), 'files')
  refuse(write([{ ...a, sha256: 'AB' }]), '64 hexadecimal')
  refuse(write([{ ...a, path: '../a' }]), 'plain relative path')
  refuse(write([{ ...a, path: '/a' }]), 'plain relative path')
  refuse(write([a, a]), 'listed twice')
  refuse(write([{ ...a, path: MANIFEST_FILE }]), 'cannot list itself')
  t.end()
})
