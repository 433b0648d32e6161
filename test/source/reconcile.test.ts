import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { scanRoot } from '../../src/source/scan.ts'
import { bench, QUIET_MS, REMOVE_AFTER_MS, SETTLE_MS, STALLED_MS } from './bench.ts'
import { makePlace, packageFiles, packed, writeFiles } from './drops.ts'
import type { Files } from './drops.ts'
import { asOrdinaryUser } from './ordinary-user.ts'

t.test('a plain folder cut after every file is staged once, when whole and quiet', (t) => {
  const b = bench(t)
  const files = packageFiles('alpha', '1.0.0', {
    'src/a.ts': '1',
    'src/deep/b.ts': '2',
    'z.txt': '',
  })
  for (const [path, text] of Object.entries(files)) {
    writeFiles(b.place.path('alpha'), { [path]: text })
    b.pass()
    const wait = b.nextLookInMs()
    t.ok(wait !== null && wait > 0 && wait <= QUIET_MS + 1, `next look in ${wait} ms`)
  }
  t.same(b.lines, ['incomplete alpha DROP_INCOMPLETE'], 'said once')
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['cleared alpha', 'staged alpha alpha@1.0.0'])
  t.equal(b.staged[0]?.files, Object.keys(files).length)
  t.end()
})

t.test('a packed folder cut after every file is staged at once when whole', (t) => {
  const b = bench(t)
  const files = Object.entries(packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': '1' })))
  // The manifest first: from then on it says what is missing.
  files.reverse()
  for (const [index, [path, text]] of files.entries()) {
    t.notOk(b.lines.some((line) => line.startsWith('staged')))
    writeFiles(b.place.path('alpha'), { [path]: text })
    b.pass()
    if (index === 0) t.match(b.refused.at(-1)?.error.message, /package\.json is missing/)
  }
  t.equal(b.lines.at(-1), 'staged alpha alpha@1.0.0')
  t.notOk(existsSync(join(b.staged[0]?.artifactDir ?? '', MANIFEST_FILE)), 'artifact = its digest')
  t.end()
})

t.test('one flipped bit in any file of a packed folder is incomplete and named', (t) => {
  const files = packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': 'export const a = 1\n' }))
  const paths = Object.keys(files).filter((path) => path !== MANIFEST_FILE)
  holds(
    t,
    fc.property(fc.constantFrom(...paths), fc.nat(), fc.nat(7), (path, position, bit) => {
      const teardowns: (() => void)[] = []
      const b = bench({ teardown: (fn) => void teardowns.push(fn) })
      try {
        const bytes = Buffer.from(files[path] ?? '')
        const at = position % bytes.length
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
        b.place.drop('alpha', files)
        writeFileSync(join(b.place.path('alpha'), path), bytes)
        b.pass()
        const message = b.refused[0]?.error.message ?? ''
        return (
          b.staged.length === 0 && b.refused[0]?.kind === 'incomplete' && message.includes(path)
        )
      } finally {
        for (const teardown of teardowns) teardown()
      }
    }),
    { numRuns: 60 },
  )
  t.end()
})

t.test('a file too many, and a manifest that is no manifest, are not staged', (t) => {
  const b = bench(t)
  const files = packed(packageFiles('alpha', '1.0.0'))
  b.place.drop('extra', { ...files, 'src/extra.ts': '' })
  b.place.drop('broken', { ...files, [MANIFEST_FILE]: '{"contract": 1, "fil' })
  t.same(b.pass(), ['incomplete broken DROP_INCOMPLETE', 'incomplete extra DROP_INCOMPLETE'])
  t.match(b.refused[1]?.error.message, /src\/extra\.ts is not in/)
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['rejected broken MANIFEST_INVALID'], "quiet, so it is the bytes' fault")
  t.end()
})

t.test('R2: what is settled is not read again until its form changes', (t) => {
  const b = bench(t)
  b.place.drop('alpha', packageFiles('alpha', '1.0.0'))
  b.place.drop('bad', { 'package.json': '{}' })
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['staged alpha alpha@1.0.0', 'rejected bad PACKAGE_JSON_INVALID'])
  b.reads()
  t.same(b.pass(), [])
  t.equal(b.reads(), 2, 'one step for each entry, none for files')
  const file = join(b.place.path('alpha'), 'src/index.ts')
  utimesSync(file, new Date(), new Date())
  b.advance(STALLED_MS)
  t.same(b.pass(), [], 'the same bytes are the same version')
  t.ok(b.reads() > 2)
  b.advance(SETTLE_MS)
  t.same(b.pass(), ['recorded alpha alpha@1.0.0'])
  t.equal(b.reads(), 2, 'it has been quiet for long enough without being read again')
  t.equal(b.nextLookInMs(), null)
  t.end()
})

t.test('JSON nested without end is refused once, not put off for ever', (t) => {
  const b = bench(t)
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const plain = (name: string): Files => packageFiles(name, '1.0.0')
  for (const key of ['name', 'version', 'author', 'engines', 'exports', 'headgate', 'unknown']) {
    const files = plain(key)
    const json = (files['package.json'] ?? '').slice(0, -1)
    b.place.drop(`json-${key}`, { ...files, 'package.json': `${json},"${key}":${deep}}` })
  }
  for (const key of ['definition', 'files', 'tools']) {
    const manifest = `{"contract":1,"files":[],"${key}":${deep}}`
    b.place.drop(`manifest-${key}`, { ...plain(key), [MANIFEST_FILE]: manifest })
  }
  const list = `{"packages":${deep}}`
  b.place.drop('list', { ...plain('list'), 'node_modules/.package-lock.json': list })
  b.advance(QUIET_MS + SETTLE_MS)
  b.pass()
  t.same(
    b.refused.filter(({ kind }) => kind !== 'rejected'),
    [],
  )
  t.equal(b.refused.length, 8)
  t.same(b.staged.map(({ entry }) => entry).sort(), ['json-exports', 'json-unknown', 'list'])
  t.equal(b.nextLookInMs(), null, 'and none of them wants another look')
  t.end()
})

t.test('R2: over 100 further passes no refused drop is opened again', (t) => {
  const b = bench(t)
  const files = packed(packageFiles('alpha', '1.0.0'))
  b.place.drop('no-json', packed({ 'index.js': '' }))
  b.place.drop('bad-json', packed({ 'package.json': '{}' }))
  b.place.drop('bad-manifest', { ...files, [MANIFEST_FILE]: '[]' })
  b.place.drop('short', { ...files, 'src/index.ts': '' })
  b.place.drop('differs', { ...files, 'src/index.ts': `${'x'.repeat(28)}\n`.slice(0, 29) })
  b.place.drop('linked', files)
  symlinkSync('/nowhere', join(b.place.path('linked'), 'odd'))
  writeFileSync(b.place.path('file.txt'), 'x')
  b.place.drop('known', packed(packageFiles('beta', '1.0.0')))
  b.place.drop('conflict', packed(packageFiles('beta', '1.0.0', { 'more.ts': '' })))
  b.advance(QUIET_MS + 1)
  b.pass()
  const entries = readdirSync(b.place.packagesDir).length
  t.equal(b.refused.length, entries - 1, b.lines.join('\n'))
  t.ok(b.refused.every(({ again }) => again === 'change'))
  b.reads()
  for (let pass = 0; pass < 100; pass++) {
    b.advance(60_000)
    t.same(b.pass(), [])
  }
  t.equal(b.reads(), 100 * entries, 'one step an entry, none for a file')
  t.equal(b.nextLookInMs(), null, 'and none of them asks for a look')
  writeFiles(b.place.path('no-json'), packed(packageFiles('gamma', '1.0.0', { 'index.js': '' })))
  t.same(b.pass(), ['cleared no-json', 'staged no-json gamma@1.0.0'], 'until its bytes change')
  t.end()
})

t.test('what cannot be read is tried again later and later, and said once', (t) => {
  const b = bench(t)
  b.place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  const file = join(b.place.path('alpha'), 'src/index.ts')
  chmodSync(file, 0)
  asOrdinaryUser(b.place, () => b.pass())
  t.match(b.refused, [{ kind: 'incomplete', again: 'retry' }])
  b.reads()
  for (let second = 0; second < 600; second++) {
    b.advance(1000)
    asOrdinaryUser(b.place, () => b.pass())
  }
  t.equal(b.lines.length, 1)
  const tries = b.reads() - 600
  t.ok(tries > 10 && tries < 60, `${tries} reads in ten minutes`)
  t.end()
})

t.test('an empty folder waits, and one without package.json is refused once quiet', (t) => {
  const b = bench(t)
  mkdirSync(b.place.path('alpha'))
  t.same(b.pass(), ['incomplete alpha DROP_INCOMPLETE'])
  t.match(b.refused[0]?.error.message, /package\.json is not there yet/)
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['rejected alpha PACKAGE_JSON_MISSING'])
  writeFiles(b.place.path('alpha'), packageFiles('alpha', '1.0.0'))
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['incomplete alpha DROP_INCOMPLETE'], 'R6: it stalled before')
  const wait = b.nextLookInMs() ?? 0
  t.ok(wait > QUIET_MS && wait < 4 * QUIET_MS, `looked at again in ${wait} ms`)
  b.advance(wait)
  t.same(b.pass(), ['cleared alpha', 'staged alpha alpha@1.0.0'])
  t.end()
})

t.test('a file time in the future does not delay a drop', (t) => {
  const b = bench(t)
  b.place.drop('alpha', packageFiles('alpha', '1.0.0'))
  b.advance(-3_600_000)
  t.same(b.pass(), ['incomplete alpha DROP_INCOMPLETE'])
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['cleared alpha', 'staged alpha alpha@1.0.0'])
  t.end()
})

t.test('a store that cannot be written defers the drop, with backoff, until it can', (t) => {
  const b = bench(t)
  rmSync(b.place.artifactsDir, { recursive: true })
  writeFileSync(b.place.artifactsDir, 'in the way')
  b.pass()
  b.place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  t.same(b.pass(), ['deferred alpha STAGING_DEFERRED'])
  const first = b.nextLookInMs() ?? 0
  t.same(b.pass(), [], 'not before its time')
  b.advance(first)
  t.same(b.pass(), [], 'said once')
  t.ok((b.nextLookInMs() ?? 0) > first, 'later and later')
  rmSync(b.place.artifactsDir)
  b.advance(30_000)
  t.same(b.pass(), ['cleared alpha', 'staged alpha alpha@1.0.0'])
  t.end()
})

t.test('R4: a root that is missing or unreadable removes nothing', (t) => {
  const b = bench(t)
  b.place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  b.place.drop('@acme/alpha', packed(packageFiles('alpha', '1.0.0')))
  b.pass()
  const away = join(b.place.root, 'away')
  renameSync(b.place.packagesDir, away)
  for (let i = 0; i < 3; i++) {
    t.same(b.pass(), [])
    b.advance(10 * REMOVE_AFTER_MS)
  }
  renameSync(away, b.place.packagesDir)
  t.same(b.pass(), [])
  chmodSync(join(b.place.packagesDir, '@acme'), 0)
  asOrdinaryUser(b.place, () => t.same(b.pass(), ['incomplete @acme DROP_INCOMPLETE']))
  t.match(b.refused[0]?.error.message, /cannot be listed: EACCES/)
  for (let i = 0; i < 3; i++) {
    asOrdinaryUser(b.place, () => t.same(b.pass(), []))
    b.advance(10 * REMOVE_AFTER_MS)
  }
  chmodSync(join(b.place.packagesDir, '@acme'), 0o755)
  t.same(b.pass(), ['cleared @acme'])
  rmSync(b.place.path('alpha'), { recursive: true })
  b.pass()
  b.advance(REMOVE_AFTER_MS)
  t.same(b.pass(), ['removed alpha alpha@1.0.0'])
  t.end()
})

t.test('an artifact torn on disk is recopied at the next start, a whole one is not', (t) => {
  const first = bench(t)
  for (const name of ['torn', 'whole']) {
    first.place.drop(name, packed(packageFiles(name, '1.0.0')))
  }
  first.pass()
  const [torn, whole] = first.staged
  const file = join(torn?.artifactDir ?? '', 'src/index.ts')
  const intact = readFileSync(file, 'utf8')
  chmodSync(file, 0o644)
  writeFileSync(file, '\0'.repeat(intact.length))
  const inode = statSync(join(whole?.artifactDir ?? '', 'package.json')).ino
  mkdirSync(join(first.place.artifactsDir, '.tmp-left-over'))
  const second = bench(t, {}, first.place)
  t.same(second.pass(), ['staged torn torn@1.0.0', 'staged whole whole@1.0.0'])
  t.equal(readFileSync(file, 'utf8'), intact)
  t.equal(statSync(join(whole?.artifactDir ?? '', 'package.json')).ino, inode)
  t.same(
    readdirSync(first.place.artifactsDir).filter((name) => name.startsWith('.tmp')),
    [],
  )
  t.end()
})

t.test('a drop that changes while it is read is not staged', (t) => {
  const place = makePlace(t)
  let edits = 0
  const b = bench(t, { scan: () => scanRoot(place.packagesDir), between: () => edit() }, place)
  const edit = (): void => {
    if (edits++ === 0) writeFileSync(join(place.path('alpha'), 'package.json'), '{}')
  }
  place.drop('alpha', packageFiles('alpha', '1.0.0'))
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['incomplete alpha DROP_INCOMPLETE'])
  t.match(b.refused[0]?.error.message, /changed while/)
  t.end()
})
