/** A packed version and the folder it was packed from are one version, in whatever order they come. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { fileListDigest, MANIFEST_FILE } from '../../src/domain/digest.ts'
import { versionKey } from '../../src/source/versions.ts'
import { bench, type Bench, QUIET_MS, REMOVE_AFTER_MS } from './bench.ts'
import { type Files, makePlace, packageFiles, packed } from './drops.ts'
import { tgzOf } from './tar-bytes.ts'

const source = packageFiles('alpha', '1.0.0', { 'src/lib.ts': 'export const a = 1\n' })
const sourceDigest = digestOf(source)
/** As a bundler would make it of `source`. */
const bundle: Files = {
  'package.json': JSON.stringify({
    name: 'alpha',
    version: '1.0.0',
    headgate: { entry: 'out.js' },
  }),
  'out.js': 'export const a = 1\n',
}
const packedBundle = withSource(bundle, sourceDigest)

function digestOf(files: Files): string {
  const { files: list } = JSON.parse(packed(files)[MANIFEST_FILE] ?? '')
  return fileListDigest(list)
}

function withSource(files: Files, digest: string): Files {
  const manifest = JSON.parse(packed(files)[MANIFEST_FILE] ?? '')
  return { ...files, [MANIFEST_FILE]: JSON.stringify({ ...manifest, sourceDigest: digest }) }
}

function put(b: Bench, entry: string, files: Files): void {
  mkdirSync(dirname(b.place.path(entry)), { recursive: true })
  writeFileSync(b.place.path(entry), tgzOf(files))
}

/** What the executor's store keeps of `b` over a restart. */
function recorded(b: Bench): ReadonlyMap<string, string> {
  return new Map(b.staged.map((drop) => [versionKey(drop), drop.digest]))
}

t.test('the folder first: the archive packed from it backs it, and the folder stays', (t) => {
  const b = bench(t)
  b.place.drop('folder', source)
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['staged folder alpha@1.0.0'])
  put(b, 'alpha.tgz', packedBundle)
  t.same(b.pass(), ['recorded alpha.tgz alpha@1.0.0'], 'which says that the folder is whole')
  t.equal(b.staged[0]?.digest, sourceDigest)
  rmSync(b.place.path('folder'), { recursive: true })
  b.pass()
  b.advance(10 * REMOVE_AFTER_MS)
  t.same([...b.pass(), ...b.pass()], [], 'the archive keeps the version present')
  rmSync(b.place.path('alpha.tgz'))
  b.pass()
  b.advance(REMOVE_AFTER_MS)
  t.same(b.pass(), ['removed alpha.tgz alpha@1.0.0'])
  t.end()
})

t.test('the archive first: the folder it was packed from backs it', (t) => {
  const b = bench(t)
  put(b, 'alpha.tgz', packedBundle)
  t.same(b.pass(), ['staged alpha.tgz alpha@1.0.0'])
  b.place.drop('folder', source)
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), [])
  t.equal(b.staged[0]?.entryFile, 'out.js')
  b.place.drop('packed-folder', packedBundle)
  t.same(b.pass(), [], 'and so does the same pack as a folder')
  t.end()
})

t.test('over a restart the version on record stays, whichever is found first or is left', (t) => {
  const first = bench(t)
  put(first, 'z.tgz', packedBundle)
  t.same(first.pass(), ['staged z.tgz alpha@1.0.0'])
  first.place.drop('folder', source)
  const known = recorded(first)
  const both = bench(t, { known }, first.place)
  both.advance(QUIET_MS + 1)
  const said = ['staged folder alpha@1.0.0', 'staged z.tgz alpha@1.0.0']
  t.same(both.pass(), said, 'the folder is looked at first, and the archive says more of it')
  const one = { digest: digestOf(bundle), entryFile: 'out.js', files: 2 }
  t.match(both.staged, [one, one])
  rmSync(first.place.path('z.tgz'))
  const left = bench(t, { known }, first.place)
  left.advance(QUIET_MS + 1)
  t.same(left.pass(), ['staged folder alpha@1.0.0'], 'the folder alone')
  t.equal(left.staged[0]?.digest, digestOf(bundle), 'serves the bytes on record')

  const place = makePlace(t)
  const other = bench(t, {}, place)
  place.drop('z', source)
  other.advance(QUIET_MS + 1)
  other.pass()
  put(other, 'a.tgz', packedBundle)
  rmSync(place.path('z'), { recursive: true })
  const packedLeft = bench(t, { known: recorded(other) }, place)
  t.same(packedLeft.pass(), ['staged a.tgz alpha@1.0.0'])
  t.match(packedLeft.staged, [{ digest: sourceDigest, entryFile: 'src/index.ts' }])
  t.end()
})

t.test('another source, another pack and another tenant are still a conflict', (t) => {
  const b = bench(t)
  b.place.drop('a', source)
  b.advance(QUIET_MS + 1)
  b.pass()
  put(b, 'b.tgz', withSource(bundle, 'f'.repeat(64)))
  put(b, 'c.tgz', packed(bundle))
  t.same(b.pass(), ['rejected b.tgz VERSION_CONFLICT', 'rejected c.tgz VERSION_CONFLICT'])

  const packs = bench(t)
  put(packs, 'a.tgz', packedBundle)
  packs.pass()
  put(packs, 'b.tgz', withSource({ ...bundle, 'out.js': 'other' }, sourceDigest))
  packs.place.drop('c', { ...source, 'src/lib.ts': 'export const a = 2\n' })
  packs.advance(QUIET_MS + 1)
  t.same(packs.pass(), ['rejected b.tgz VERSION_CONFLICT', 'rejected c VERSION_CONFLICT'])

  const tenants = bench(t)
  put(tenants, '@acme/a.tgz', packedBundle)
  tenants.place.drop('p', packed(bundle))
  tenants.pass()
  tenants.place.drop('q', source)
  tenants.advance(QUIET_MS + 1)
  t.same(tenants.pass(), ['rejected q VERSION_CONFLICT'], "acme's word does not count for public")
  t.end()
})

t.test('without the bytes on record nothing takes their place', (t) => {
  const first = bench(t)
  put(first, 'a.tgz', packedBundle)
  first.pass()
  rmSync(first.place.artifactsDir, { recursive: true })
  rmSync(first.place.path('a.tgz'))
  first.place.drop('folder', source)
  const second = bench(t, { known: recorded(first) }, first.place)
  second.advance(QUIET_MS + 1)
  t.same(second.pass(), ['rejected folder VERSION_CONFLICT'])
  t.end()
})
