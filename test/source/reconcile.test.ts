import { execFileSync } from 'node:child_process'
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
import type { Files, Place } from './drops.ts'

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

t.test('same name and version with other bytes is a conflict, and the first stays', (t) => {
  const b = bench(t, { known: new Map([['public/old@1.0.0', 'f'.repeat(64)]]) })
  b.place.drop('a', packed(packageFiles('alpha', '1.0.0')))
  t.same(b.pass(), ['staged a alpha@1.0.0'])
  b.place.drop('b', packed(packageFiles('alpha', '1.0.0', { 'more.ts': '' })))
  b.place.drop('old', packed(packageFiles('old', '1.0.0')))
  t.same(b.pass(), ['rejected b VERSION_CONFLICT', 'rejected old VERSION_CONFLICT'])
  t.match(b.refused[0], { package: 'alpha', version: '1.0.0', digest: /^[0-9a-f]{64}$/ })
  rmSync(b.place.path('a'), { recursive: true })
  b.pass()
  b.advance(REMOVE_AFTER_MS)
  t.same(b.pass(), ['removed a alpha@1.0.0'])
  t.same(b.pass(), [], 'a number once used stays used')
  t.end()
})

t.test('R3: an entry edited in place is refused while its staged version stays present', (t) => {
  const b = bench(t)
  const files = packageFiles('alpha', '1.0.0')
  b.place.drop('a', files)
  b.advance(QUIET_MS + SETTLE_MS + 1)
  b.pass()
  writeFileSync(join(b.place.path('a'), 'src/index.ts'), 'export default 2\n')
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['rejected a VERSION_CONFLICT'])
  b.advance(10 * REMOVE_AFTER_MS)
  t.same([...b.pass(), ...b.pass()], [], 'not removed')
  const artifact = b.staged[0]?.artifactDir ?? ''
  t.equal(readFileSync(join(artifact, 'src/index.ts'), 'utf8'), files['src/index.ts'])
  writeFiles(b.place.path('a'), packageFiles('alpha', '1.0.1'))
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['cleared a', 'staged a alpha@1.0.1'])
  b.advance(REMOVE_AFTER_MS)
  t.same(b.pass(), ['removed a alpha@1.0.0'], 'its bytes are in the folder no longer')
  t.end()
})

t.test('R5: a plain folder that grows again soon is looked at anew', (t) => {
  const b = bench(t)
  const { 'src/index.ts': late = '', ...early } = packageFiles('alpha', '1.0.0', { 'a.js': '' })
  const json = { name: 'alpha', version: '1.0.0', type: 'module', headgate: { entry: 'a.js' } }
  b.place.drop('a', { ...early, 'package.json': JSON.stringify(json) })
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['staged a alpha@1.0.0'], 'the copy stalled with a file to come')
  t.equal(b.staged[0]?.provisional, true)
  b.advance(SETTLE_MS - 300)
  writeFiles(b.place.path('a'), { 'src/index.ts': late })
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['withdraw a alpha@1.0.0', 'incomplete a DROP_INCOMPLETE'])
  b.advance(60_000)
  t.same(b.pass(), ['withdraw a alpha@1.0.0'], 'without an answer it asks again')
  b.answer('withdrawn', b.staged[0])
  t.same(b.pass(), ['cleared a', 'staged a alpha@1.0.0'])
  t.equal(b.staged[1]?.files, 3)
  t.not(b.staged[1]?.digest, b.staged[0]?.digest)
  t.end()
})

t.test('R5: what can be called by then is on record, and the grown folder in conflict', (t) => {
  const b = bench(t)
  b.place.drop('a', packageFiles('alpha', '1.0.0'))
  b.advance(QUIET_MS + 1)
  b.pass()
  writeFiles(b.place.path('a'), { 'more.ts': '' })
  b.advance(STALLED_MS)
  t.same(b.pass(), ['withdraw a alpha@1.0.0', 'incomplete a DROP_INCOMPLETE'])
  b.answer('record', b.staged[0])
  t.same(b.pass(), ['rejected a VERSION_CONFLICT'])
  t.equal(b.refused.at(-1)?.again, 'change')

  b.place.drop('b', packageFiles('beta', '1.0.0'))
  b.advance(QUIET_MS + 1)
  b.pass()
  b.answer('record', b.staged[1])
  writeFiles(b.place.path('b'), { 'more.ts': '' })
  b.advance(STALLED_MS)
  t.same(b.pass(), ['rejected b VERSION_CONFLICT'], 'without asking')
  t.end()
})

t.test('another entry is in conflict with a provisional version only while it stands', (t) => {
  const b = bench(t)
  const whole = packageFiles('alpha', '1.0.0', { 'more.ts': '' })
  b.place.drop('a', packageFiles('alpha', '1.0.0'))
  b.advance(QUIET_MS + 1)
  b.pass()
  b.place.drop('z', packed(whole))
  t.same(b.pass(), ['rejected z VERSION_CONFLICT'])
  t.equal(b.refused.at(-1)?.again, 'retry')
  rmSync(b.place.path('a'), { recursive: true })
  b.pass()
  b.advance(1000)
  t.same(b.pass(), ['withdraw a alpha@1.0.0', 'incomplete z DROP_INCOMPLETE'])
  b.answer('withdrawn', b.staged[0])
  t.same(b.pass(), ['cleared z', 'staged z alpha@1.0.0'])
  t.equal(b.staged[1]?.provisional, undefined)
  t.end()
})

t.test('a folder prepared long before and renamed in is on record at once', (t) => {
  const b = bench(t)
  b.place.drop('a', packageFiles('alpha', '1.0.0'))
  b.advance(QUIET_MS + SETTLE_MS + 1)
  t.same(b.pass(), ['staged a alpha@1.0.0'])
  t.equal(b.staged[0]?.provisional, undefined)
  writeFiles(b.place.path('a'), { 'more.ts': '' })
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['rejected a VERSION_CONFLICT'])
  t.end()
})

t.test('two entries with equal bytes are one version, and a rename is no removal', (t) => {
  const b = bench(t)
  const files = packed(packageFiles('alpha', '1.0.0'))
  b.place.drop('a', files)
  b.place.drop('b', files)
  t.same(b.pass(), ['staged a alpha@1.0.0'])
  rmSync(b.place.path('a'), { recursive: true })
  renameSync(b.place.path('b'), b.place.path('c'))
  b.pass()
  b.advance(REMOVE_AFTER_MS)
  t.same([...b.pass(), ...b.pass()], [])
  rmSync(b.place.path('c'), { recursive: true })
  b.pass()
  b.advance(REMOVE_AFTER_MS)
  t.same(b.pass(), ['removed c alpha@1.0.0'])
  t.end()
})

t.test('tenants are apart: the same name, version and other bytes is no conflict', (t) => {
  const b = bench(t)
  b.place.drop('@acme/billing', packed(packageFiles('billing', '1.0.0', { 'a.ts': '1' })))
  b.place.drop('@globex/billing', packed(packageFiles('billing', '1.0.0', { 'a.ts': '2' })))
  b.place.drop('billing', packed(packageFiles('billing', '1.0.0', { 'a.ts': '3' })))
  b.place.drop('@Not A Tenant/billing', packed(packageFiles('billing', '1.0.0')))
  b.pass()
  t.same(b.staged.map(({ tenant, entry }) => [tenant, entry]).sort(), [
    ['acme', '@acme/billing'],
    ['globex', '@globex/billing'],
    ['public', 'billing'],
  ])
  t.match(b.refused, [{ entry: '@Not A Tenant', error: { code: 'NAME_INVALID' } }])
  t.end()
})

t.test('names of work in progress are not looked at', (t) => {
  const b = bench(t)
  for (const name of ['.alpha', 'alpha.part', 'alpha~', '@acme/.alpha', '@acme/a.part', '.@x/a']) {
    b.place.drop(name, packed(packageFiles('alpha', '1.0.0')))
  }
  t.same(b.pass(), [])
  renameSync(b.place.path('.alpha'), b.place.path('alpha'))
  t.same(b.pass(), ['staged alpha alpha@1.0.0'])
  t.end()
})

t.test('files are no drops, and the refusal goes with them', (t) => {
  const b = bench(t)
  writeFileSync(b.place.path('readme.md'), 'x')
  t.same(b.pass(), ['rejected readme.md DROP_UNSUPPORTED'])
  t.match(b.refused[0]?.error.message, /only folders and \.tgz archives/)
  rmSync(b.place.path('readme.md'))
  t.same(b.pass(), ['cleared readme.md'])
  t.end()
})

t.test('links and FIFOs are refused without being opened, and others go on', (t) => {
  const b = bench(t)
  const good = packageFiles('alpha', '1.0.0')
  const outside = join(b.place.root, 'outside')
  writeFiles(outside, good)
  const links: Record<string, string> = {
    out: outside,
    up: '..',
    dangling: '/nowhere',
    loop: 'odd',
    file: join(outside, 'package.json'),
  }
  for (const [name, target] of Object.entries(links)) {
    b.place.drop(name, good)
    symlinkSync(target, join(b.place.path(name), 'odd'))
  }
  symlinkSync(outside, b.place.path('top'))
  b.place.drop('fifo', good)
  execFileSync('mkfifo', [join(b.place.path('fifo'), 'src/pipe')])
  b.place.drop('zgood', packed(good))
  b.pass()
  t.same(
    b.staged.map(({ entry }) => entry),
    ['zgood'],
  )
  t.same(
    b.refused.map(({ entry, error }) => [entry, error.code]),
    [
      ...['dangling', 'fifo', 'file', 'loop', 'out', 'top', 'up'].map((name) => [
        name,
        'FILE_REFUSED',
      ]),
    ],
  )
  t.match(b.refused[1]?.error.message, /src\/pipe in fifo.*FIFO/)
  rmSync(join(b.place.path('fifo'), 'src/pipe'))
  b.advance(STALLED_MS)
  t.same(b.pass(), ['cleared fifo'], 'the version is present by zgood already')
  t.end()
})

t.test('case twins in one folder are refused', (t) => {
  const b = bench(t)
  b.place.drop('alpha', packageFiles('alpha', '1.0.0', { 'src/A.ts': '', 'src/a.ts': '' }))
  t.same(b.pass(), ['rejected alpha FILE_REFUSED'])
  t.end()
})

t.test('.git and node_modules/.bin are left out, dependencies come along', (t) => {
  const b = bench(t)
  const files = packageFiles('alpha', '1.0.0', { 'node_modules/dep/index.js': '' })
  b.place.drop('alpha', { ...files, '.git/HEAD': 'x', 'src/.git/HEAD': 'x' })
  mkdirSync(join(b.place.path('alpha'), 'node_modules/.bin'))
  symlinkSync('../dep/index.js', join(b.place.path('alpha'), 'node_modules/.bin/dep'))
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['staged alpha alpha@1.0.0'])
  t.same(readdirSync(b.staged[0]?.artifactDir ?? '', { recursive: true }).sort(), [
    'node_modules',
    'node_modules/dep',
    'node_modules/dep/index.js',
    'package.json',
    'src',
    'src/index.ts',
  ])
  t.equal(statSync(join(b.staged[0]?.artifactDir ?? '', 'src/index.ts')).mode & 0o222, 0)
  t.end()
})

t.test('what npm installed for development only is no part of a version', (t) => {
  const b = bench(t)
  const installed = (dev: boolean): Record<string, string> => ({
    'node_modules/dep/index.js': '',
    'node_modules/tool/index.js': String(dev),
    'node_modules/tool/node_modules/deeper/index.js': '',
    'node_modules/.package-lock.json': JSON.stringify({
      lockfileVersion: 3,
      packages: {
        'node_modules/dep': { version: '1.0.0' },
        'node_modules/tool': { version: '1.0.0', dev },
        'node_modules/tool/node_modules/deeper': { version: '1.0.0', dev },
        'node_modules/linked': { resolved: '../linked', link: true },
        '../linked': { version: '1.0.0', dev: true },
        src: { dev: true },
      },
    }),
  })
  const filesOf = (version: string): string[] =>
    readdirSync(b.staged.find((drop) => drop.version === version)?.artifactDir ?? '', {
      recursive: true,
      withFileTypes: true,
    })
      .filter((found) => found.isFile())
      .map((found) => found.name)
      .sort()
  for (const [entry, dev] of [
    ['1.0.0', true],
    ['2.0.0', false],
  ] as const) {
    b.place.drop(entry, packageFiles('alpha', entry, installed(dev)))
    symlinkSync('../../linked', join(b.place.path(entry), 'node_modules/linked'))
    symlinkSync('/nowhere', join(b.place.path(entry), 'node_modules/headgate'))
  }
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['staged 1.0.0 alpha@1.0.0', 'staged 2.0.0 alpha@2.0.0'])
  t.same(filesOf('1.0.0'), ['index.js', 'index.ts', 'package.json'])
  t.same(filesOf('2.0.0'), ['index.js', 'index.js', 'index.js', 'index.ts', 'package.json'])
  t.end()
})

t.test('a list of installed packages that npm did not write leaves nothing out', (t) => {
  const b = bench(t)
  const lists = ['', '{', '[]', '{"packages": {"node_modules/dep": {"dev": "yes"}}}']
  for (const [index, list] of lists.entries()) {
    const more = { 'node_modules/dep/index.js': '', 'node_modules/.package-lock.json': list }
    b.place.drop(`p${index}`, packageFiles(`p${index}`, '1.0.0', more))
  }
  const fifo = packageFiles('p4', '1.0.0', { 'node_modules/dep/index.js': '' })
  b.place.drop('p4', fifo)
  execFileSync('mkfifo', [join(b.place.path('p4'), 'node_modules/.package-lock.json')])
  b.advance(QUIET_MS + 1)
  t.equal(b.pass().length, 5)
  for (const drop of b.staged) {
    t.ok(existsSync(join(drop.artifactDir, 'node_modules/dep/index.js')), drop.entry)
  }
  t.equal(b.staged.length, 5)
  t.end()
})

t.test('unreadable files and folders are incomplete with the reason, others go on', (t) => {
  const b = bench(t)
  const files = packed(packageFiles('alpha', '1.0.0'))
  b.place.drop('file', files)
  b.place.drop('folder', files)
  b.place.drop('zgood', packed(packageFiles('beta', '1.0.0')))
  const file = join(b.place.path('file'), 'src/index.ts')
  const folder = join(b.place.path('folder'), 'src')
  chmodSync(file, 0)
  chmodSync(folder, 0)
  asOrdinaryUser(b.place, () => b.pass())
  t.same(
    b.staged.map(({ entry }) => entry),
    ['zgood'],
  )
  t.same(
    b.refused.map(({ entry, kind }) => [entry, kind]),
    [
      ['file', 'incomplete'],
      ['folder', 'incomplete'],
    ],
  )
  t.match(b.refused[0]?.error.message, /src\/index\.ts cannot be read: EACCES/)
  t.match(b.refused[1]?.error.message, /src cannot be read: EACCES/)
  chmodSync(file, 0o444)
  asOrdinaryUser(b.place, () => b.pass())
  t.same(b.lines.slice(-2), ['cleared file', 'staged file alpha@1.0.0'])
  chmodSync(folder, 0o755)
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

/** Root can read everything: for the length of `work` this process is somebody else. */
function asOrdinaryUser(place: Place, work: () => void): void {
  const seteuid = process.seteuid?.bind(process)
  if (process.geteuid?.() !== 0 || seteuid === undefined) {
    work()
    return
  }
  chmodSync(place.root, 0o755)
  chmodSync(place.artifactsDir, 0o777)
  seteuid(65_534)
  try {
    work()
  } finally {
    seteuid(0)
  }
}
