import { randomBytes } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { holds } from '../helpers/property.ts'
import { CORPUS } from './archive-corpus.ts'
import { bench, type Bench, QUIET_MS } from './bench.ts'
import { makePlace, packageFiles, packed } from './drops.ts'
import { FLAG, pax, tarEntry, tarOf, tgz, tgzOf } from './tar-bytes.ts'

/** Written in place, as a copying tool does; its time is now. */
function put(b: Bench, entry: string, bytes: Buffer): void {
  mkdirSync(dirname(b.place.path(entry)), { recursive: true })
  writeFileSync(b.place.path(entry), bytes)
}

/** Everything below the test's folder, the artifact store apart. */
function outside(b: Bench): readonly string[] {
  return readdirSync(b.place.root, { recursive: true })
    .map(String)
    .filter((path) => !path.startsWith('artifacts/'))
    .sort()
}

t.test('every archive of the hostile corpus is refused with its own code', (t) => {
  t.ok(CORPUS.length >= 60, `${CORPUS.length} cases`)
  const b = bench(t)
  for (const { what, code, bytes } of CORPUS) {
    put(b, 'x.tgz', bytes)
    const before = outside(b)
    b.pass()
    b.advance(QUIET_MS + 1)
    b.pass()
    const last = b.refused.at(-1)
    t.equal(last?.kind === 'rejected' ? last.error.code : last?.kind, code, what)
    t.same(outside(b), before, `${what}: nothing outside the store`)
    t.same(readdirSync(b.place.artifactsDir), [], `${what}: nothing stays in it`)
    rmSync(b.place.path('x.tgz'))
    b.pass()
  }
  t.same(b.staged, [])
  t.equal(Reflect.get({}, 'polluted'), undefined)
  t.end()
})

t.test('an archive and a folder of the same files are the same version', (t) => {
  const b = bench(t)
  const deep = `node_modules/${'d/'.repeat(12)}${'x'.repeat(120)}.js`
  const files = packageFiles('alpha', '1.0.0', {
    [deep]: '1',
    'data/é.csv': 'a;b',
    'empty.txt': '',
  })
  const left = { '.git/HEAD': 'x', 'src/.git/HEAD': 'x', 'node_modules/.bin/dep': 'x' }
  b.place.drop('folder', packed(files))
  t.same(b.pass(), ['staged folder alpha@1.0.0'])
  put(b, 'npm.tgz', tgzOf({ ...files, ...left }))
  put(b, 'other-top.tgz', tgzOf(packed(files), 'alpha-1.0.0'))
  put(b, '@acme/packed.tgz', tgzOf(packed(files)))
  put(
    b,
    'with-folders.tgz',
    tgz(
      pax({ comment: 'as git writes it' }, FLAG.global),
      { path: 'package/', flag: FLAG.folder, mode: 0o755 },
      { path: 'package/src/', flag: FLAG.folder, mode: 0o755 },
      tarOf(packed(files)),
    ),
  )
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['staged @acme/packed.tgz alpha@1.0.0'], 'the others back what is there')
  t.equal(new Set(b.staged.map(({ digest, artifactDir }) => `${digest} ${artifactDir}`)).size, 1)
  t.match(b.staged[1], { files: 5, tenant: 'acme', entryFile: 'src/index.ts' })
  rmSync(b.place.path('folder'), { recursive: true })
  b.pass()
  b.advance(100_000)
  t.same(b.pass(), [], 'still backed')
  t.end()
})

t.test('what an archive leaves in the store is read-only, whole and without its manifest', (t) => {
  const b = bench(t)
  const files = packageFiles('alpha', '1.0.0', { 'bin/tool.js': '#!' })
  put(
    b,
    'a.tgz',
    tgz(tarEntry({ path: 'package/x.sh', mode: 0o777 }), tarOf(packed({ ...files, 'x.sh': '' }))),
  )
  b.pass()
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['rejected a.tgz ARCHIVE_DUPLICATE'])
  put(b, 'b.tgz', tgzOf(packed(files)))
  t.same(b.pass(), ['staged b.tgz alpha@1.0.0'])
  const [drop] = b.staged
  t.same(readdirSync(b.place.artifactsDir), [drop?.digest])
  const dir = drop?.artifactDir ?? ''
  t.same(readdirSync(dir, { recursive: true }).sort(), [
    'bin',
    'bin/tool.js',
    'package.json',
    'src',
    'src/index.ts',
  ])
  for (const [path, text] of Object.entries(files)) {
    t.equal(readFileSync(join(dir, path), 'utf8'), text)
    t.equal(statSync(join(dir, path)).mode & 0o777, 0o444, path)
  }
  const again = bench(t, {}, b.place)
  t.same(again.pass().slice(1), ['staged b.tgz alpha@1.0.0'], 'also at the next start')
  t.same(readdirSync(b.place.artifactsDir), [drop?.digest], 'which copies nothing')
  t.end()
})

t.test('without a manifest an archive is taken when it has been quiet', (t) => {
  const b = bench(t)
  put(b, 'a.tgz', tgzOf(packageFiles('alpha', '1.0.0')))
  t.same(b.pass(), ['incomplete a.tgz DROP_INCOMPLETE'])
  const wait = b.nextLookInMs() ?? 0
  t.ok(wait > 0 && wait <= QUIET_MS + 1, `next look in ${wait} ms`)
  b.advance(wait)
  t.same(b.pass(), ['cleared a.tgz', 'staged a.tgz alpha@1.0.0'])
  put(b, 'old', tgzOf(packageFiles('beta', '1.0.0')))
  utimesSync(b.place.path('old'), 1, 1)
  renameSync(b.place.path('old'), b.place.path('old.tgz'))
  t.same(b.pass(), ['staged old.tgz beta@1.0.0'], 'prepared before and renamed in: at once')
  t.end()
})

t.test('a copy that stalls is refused, and taken once it goes on to its end', (t) => {
  const b = bench(t)
  const bytes = tgzOf(packed(packageFiles('alpha', '1.0.0')))
  put(b, 'a.tgz', bytes.subarray(0, 200))
  t.same(b.pass(), ['incomplete a.tgz DROP_INCOMPLETE'])
  t.match(b.refused[0]?.error.message, /not whole yet \(ARCHIVE_TRUNCATED\)/)
  b.advance(QUIET_MS + 1)
  t.same(b.pass(), ['rejected a.tgz ARCHIVE_TRUNCATED'])
  b.reads()
  b.advance(60_000)
  t.same(b.pass(), [])
  t.equal(b.reads(), 1, 'it is not read again')
  put(b, 'a.tgz', bytes)
  t.same(b.pass(), ['cleared a.tgz', 'staged a.tgz alpha@1.0.0'])
  t.end()
})

t.test('an archive copied slowly is never taken half, and once when whole', (t) => {
  const files = packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': 'a'.repeat(900), 'b.ts': '' }))
  const bytes = tgzOf(files)
  // gzip has no borders between files: the copy is cut at every 16th byte, and anywhere.
  const steps = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, at) => at * 16)
  const everywhere = fc.array(fc.nat(bytes.length - 1), { maxLength: 12 })
  const copied = (cuts: readonly number[], stalls: boolean): boolean =>
    alone((b) => {
      for (const cut of [...cuts].sort((x, y) => x - y)) {
        put(b, 'a.tgz', bytes.subarray(0, cut))
        b.pass()
        if (stalls) b.advance(QUIET_MS + 1)
        b.pass()
      }
      const early = b.staged.length
      put(b, 'a.tgz', bytes)
      b.pass()
      b.advance(QUIET_MS + 1)
      b.pass()
      return early === 0 && b.staged.length === 1 && b.lines.at(-1)?.startsWith('staged') === true
    })
  t.ok(copied(steps, false), 'after every 16 bytes')
  t.ok(copied(steps, true), 'and when it stalls there')
  holds(t, fc.property(everywhere, fc.boolean(), copied), { numRuns: 40 })
  t.end()
})

t.test('a packed folder copied slowly is never taken half, and once when whole', (t) => {
  const files = packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': 'a'.repeat(90), 'b.ts': '' }))
  const order = fc.shuffledSubarray(Object.keys(files), { minLength: Object.keys(files).length })
  const chosen = fc.tuple(order, fc.array(fc.nat(200), { maxLength: 10 }))
  const copied = ([paths, cuts]: [string[], number[]]): boolean =>
    alone((b) => {
      // The manifest last would be a plain folder until then, which its quiet alone tells.
      const rest = paths.filter((path) => path !== MANIFEST_FILE)
      for (const [at, path] of [MANIFEST_FILE, ...rest].entries()) {
        const text = files[path] ?? ''
        const cut = cuts[at] ?? text.length
        for (const part of [text.slice(0, cut), text]) {
          if (b.staged.length > 0) return part === text && at === rest.length
          put(b, `a/${path}`, Buffer.from(part))
          b.pass()
        }
      }
      return b.staged.length === 1
    })
  holds(t, fc.property(chosen, copied), { numRuns: 60 })
  t.end()
})

t.test(
  'one flipped bit in any file of a packed version is refused, in a folder and repacked',
  (t) => {
    const files = packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': 'export const a = 1\n' }))
    const where = fc.tuple(fc.constantFrom(...Object.keys(files)), fc.nat(), fc.nat(7))
    const refused = (
      form: 'folder' | 'archive',
      [path, position, bit]: [string, number, number],
    ): boolean =>
      alone((b) => {
        const bytes = Buffer.from(files[path] ?? '')
        flipBit(bytes, position, bit)
        if (form === 'archive') put(b, 'a.tgz', tgzOf({ ...files, [path]: bytes }))
        else {
          b.place.drop('a', files)
          put(b, `a/${path}`, bytes)
        }
        b.pass()
        b.advance(QUIET_MS + 1)
        b.pass()
        return b.staged.length === 0 && b.refused.length > 0
      })
    holds(
      t,
      fc.property(where, (at) => refused('folder', at)),
      { numRuns: 100 },
    )
    holds(
      t,
      fc.property(where, (at) => refused('archive', at)),
      { numRuns: 100 },
    )
    t.end()
  },
)

t.test('one flipped bit in a .tgz is refused, or changes nothing of what is in it', (t) => {
  const bytes = tgzOf(
    packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': 'export const a = 1\n' })),
  )
  const digest = alone((b) => {
    put(b, 'a.tgz', bytes)
    b.pass()
    return b.staged[0]?.digest
  })
  t.type(digest, 'string')
  let harmless = 0
  const judged = (position: number, bit: number): boolean =>
    alone((b) => {
      const flipped = Buffer.from(bytes)
      flipBit(flipped, position, bit)
      put(b, 'a.tgz', flipped)
      b.pass()
      b.advance(QUIET_MS + 1)
      b.pass()
      if (b.staged.length === 0) return b.refused.at(-1)?.kind === 'rejected'
      harmless++
      // Time, flags and system in the head of gzip, and the rest of its last bits, are no content.
      return b.staged[0]?.digest === digest && gunzipSync(flipped).equals(gunzipSync(bytes))
    })
  holds(t, fc.property(fc.nat(bytes.length - 1), fc.nat(7), judged), { numRuns: 200 })
  t.ok(judged(4, 0) && harmless > 0, 'such a bit is known')
  t.end()
})

t.test('an archive that changes while it is read is not staged', (t) => {
  const place = makePlace(t)
  let edits = 0
  const bytes = tgzOf(packed(packageFiles('alpha', '1.0.0')))
  const between = (): void => {
    if (edits++ === 0) utimesSync(place.path('a.tgz'), 1, 1)
  }
  const b = bench(t, { between }, place)
  put(b, 'a.tgz', bytes)
  t.same(b.pass(), ['incomplete a.tgz DROP_INCOMPLETE'])
  t.match(b.refused[0]?.error.message, /changed while it was read/)
  b.advance(10)
  t.same(b.pass(), ['cleared a.tgz', 'staged a.tgz alpha@1.0.0'])
  t.end()
})

t.test('other work of the thread comes in between while an archive is read', (t) => {
  const b = bench(t)
  const body = randomBytes(4_000_000).toString('latin1')
  put(b, 'a.tgz', tgzOf(packed(packageFiles('alpha', '1.0.0', { 'data.bin': body }))))
  b.pass()
  t.equal(b.staged.length, 1)
  t.ok(b.reads() > 50, 'every 64 KiB of it')
  t.end()
})

function flipBit(bytes: Buffer, position: number, bit: number): void {
  const at = position % bytes.length
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
}

/** With a bench of its own, cleaned up at once. */
function alone<T>(work: (b: Bench) => T): T {
  const teardowns: (() => void)[] = []
  try {
    return work(bench({ teardown: (fn) => void teardowns.push(fn) }))
  } finally {
    for (const teardown of teardowns) teardown()
  }
}
