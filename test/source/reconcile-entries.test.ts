import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bench, QUIET_MS, STALLED_MS } from './bench.ts'
import { packageFiles, packed, writeFiles } from './drops.ts'
import { asOrdinaryUser } from './ordinary-user.ts'

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
