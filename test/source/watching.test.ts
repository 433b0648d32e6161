/**
 * What happens to a watched folder, each time twice: with every file event lost, where one reconcile
 * interval must end in the right state; and with file events alone, on the real source thread.
 */

import { execFileSync } from 'node:child_process'
import {
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
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../helpers/until.ts'
import { makePlace, packageFiles, packed, watchPlace, writeFiles } from './drops.ts'
import type { Files, Place } from './drops.ts'
import { openLoop, RECONCILE_MS, REMOVE_AFTER_MS, SilentWatch } from './loop.ts'

const A1 = packed(packageFiles('alpha', '1.0.0'))
const A1_OTHER = packed(packageFiles('alpha', '1.0.0', { 'src/more.ts': '' }))
const A2 = packed(packageFiles('alpha', '1.0.1'))

interface Scenario {
  readonly what: string
  /** What lies there before; default `alpha` 1.0.0. */
  readonly before?: (place: Place) => void
  readonly act: (place: Place) => void | Promise<void>
  /** Lines that must come, in any order; no other line but `incomplete` and `cleared` may. */
  readonly expected: readonly string[]
  /** Lines after removeAfterMs. Default: none. */
  readonly later?: readonly string[]
  readonly message?: RegExp
  /** What another thread, which looks while the folder changes, may or may not meet. */
  readonly mayBeSeen?: RegExp
}

/** Prepared outside the root, so that one rename puts it in place. */
function prepare(place: Place, name: string, files: Files): string {
  const path = join(place.root, `new-${name}`)
  writeFiles(path, files)
  return path
}

/** The old folder moved out, the new one moved in: nobody ever sees half of it. */
function replace(place: Place, files: Files): void {
  const next = prepare(place, 'alpha', files)
  renameSync(place.path('alpha'), join(place.root, 'old'))
  renameSync(next, place.path('alpha'))
}

function replaceRoot(place: Place, entries: Readonly<Record<string, Files>>): void {
  const next = join(place.root, 'next-root')
  mkdirSync(next)
  for (const [entry, files] of Object.entries(entries)) writeFiles(join(next, entry), files)
  renameSync(place.packagesDir, join(place.root, 'old-root'))
  renameSync(next, place.packagesDir)
}

/** A drop with one odd thing in it, put in whole. */
function dropOdd(place: Place, entry: string, put: (path: string) => void): void {
  const prepared = prepare(place, entry, packageFiles(entry, '1.0.0'))
  put(join(prepared, 'src', 'odd'))
  renameSync(prepared, place.path(entry))
}

const REFUSED = ['rejected odd FILE_REFUSED']
const odd = (what: string, put: (path: string) => void, message: RegExp): Scenario => ({
  what: `${what} in a drop is refused unopened`,
  act: (place) => dropOdd(place, 'odd', put),
  expected: REFUSED,
  message,
})
const link = (what: string, target: string): Scenario =>
  odd(`a symbolic link ${what}`, (path) => symlinkSync(target, path), /symbolic links/)

const SCENARIOS: readonly Scenario[] = [
  {
    what: 'a complete folder renamed in is staged',
    act: (place) => place.drop('beta', packed(packageFiles('beta', '1.0.0'))),
    expected: ['staged beta beta@1.0.0'],
  },
  {
    what: 'a hidden name inside the root renamed to a plain one is staged',
    act: (place) => {
      writeFiles(place.path('.tmp-beta'), packed(packageFiles('beta', '1.0.0')))
      renameSync(place.path('.tmp-beta'), place.path('beta'))
    },
    expected: ['staged beta beta@1.0.0'],
  },
  {
    what: 'an atomic replacement with other bytes of the same version is a conflict; the old stays',
    act: (place) => replace(place, A1_OTHER),
    expected: ['rejected alpha VERSION_CONFLICT'],
  },
  {
    what: 'an atomic replacement by another version is that version, and the end of the old',
    act: (place) => replace(place, A2),
    expected: ['staged alpha alpha@1.0.1'],
    later: ['removed alpha alpha@1.0.0'],
  },
  {
    what: 'a write into a folder that was replaced is seen',
    before: (place) => {
      place.drop('alpha', A1)
      replace(place, A2)
    },
    act: (place) => writeFileSync(join(place.path('alpha'), 'src/index.ts'), 'export default 3\n'),
    expected: [],
    message: /src\/index\.ts has 17 of \d+ bytes/,
  },
  {
    what: 'deleted and made again in one tick with the same bytes changes nothing',
    act: (place) => {
      rmSync(place.path('alpha'), { recursive: true })
      place.drop('alpha', A1)
    },
    expected: [],
  },
  {
    what: 'deleted and made again in one tick with other bytes is a conflict',
    act: (place) => {
      rmSync(place.path('alpha'), { recursive: true })
      place.drop('alpha', A1_OTHER)
    },
    expected: ['rejected alpha VERSION_CONFLICT'],
  },
  {
    what: 'fifty folders made and deleted at once leave nothing',
    act: (place) => {
      for (let i = 0; i < 50; i++) {
        place.drop(`brief${i}`, A2)
        rmSync(place.path(`brief${i}`), { recursive: true })
      }
      place.drop('beta', packed(packageFiles('beta', '1.0.0')))
    },
    expected: ['staged beta beta@1.0.0'],
    mayBeSeen: /^(staged|removed) brief/,
  },
  {
    what: 'an edit of the same size with the old time put back is noticed',
    act: (place) => {
      const file = join(place.path('alpha'), 'src/index.ts')
      const { atime, mtime } = statSync(file)
      const text = readFileSync(file, 'utf8')
      writeFileSync(file, text.replace('alpha', 'ahpla'))
      utimesSync(file, atime, mtime)
    },
    expected: [],
    message: /src\/index\.ts has another sha-256 than the manifest says/,
  },
  {
    what: 'a root replaced in one tick holds what the new one holds',
    act: (place) => replaceRoot(place, { alpha: A1, beta: packed(packageFiles('beta', '1.0.0')) }),
    expected: ['staged beta beta@1.0.0'],
  },
  {
    what: 'a root replaced in one tick by one without a version removes it',
    act: (place) => replaceRoot(place, { beta: packed(packageFiles('beta', '1.0.0')) }),
    expected: ['staged beta beta@1.0.0'],
    later: ['removed alpha alpha@1.0.0'],
  },
  {
    what: 'a link renamed over another is refused like the first; neither target is taken',
    before: (place) => {
      place.drop('alpha', A1)
      writeFiles(join(place.root, 'v1'), A1_OTHER)
      writeFiles(join(place.root, 'v2'), A2)
      symlinkSync(join(place.root, 'v1'), place.path('current'))
    },
    act: (place) => {
      symlinkSync(join(place.root, 'v2'), place.path('.next'))
      renameSync(place.path('.next'), place.path('current'))
      place.drop('beta', packed(packageFiles('beta', '1.0.0')))
    },
    expected: ['staged beta beta@1.0.0'],
  },
  link('out of the root', '/etc'),
  link('to its parent', '..'),
  link('to nothing', '/nowhere'),
  link('to itself', 'odd'),
  odd('a FIFO', (path) => execFileSync('mkfifo', [path]), /src\/odd in odd.*it is a FIFO/),
  {
    what: 'a FIFO beside the drops is refused unopened',
    act: (place) => execFileSync('mkfifo', [place.path('odd')]),
    expected: ['rejected odd DROP_UNSUPPORTED'],
  },
  {
    what: 'a socket in a drop is refused',
    act: async (place) => {
      const prepared = prepare(place, 'odd', packageFiles('odd', '1.0.0'))
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(join(prepared, 's'), resolve))
      renameSync(join(prepared, 's'), join(prepared, 'src', 'odd'))
      renameSync(prepared, place.path('odd'))
      await new Promise((resolve) => server.close(resolve))
    },
    expected: REFUSED,
    message: /it is a socket/,
  },
]

const isChatter = (line: string): boolean => /^(incomplete|cleared) /.test(line)
const sayings = (lines: readonly string[]): string[] =>
  lines.filter((line) => !isChatter(line)).sort()

for (const { what, before, act, expected, later = [], message, mayBeSeen } of SCENARIOS) {
  const lay = before ?? ((place: Place): void => place.drop('alpha', A1))

  t.test(`${what}: all events lost`, async (t) => {
    const place = makePlace(t)
    lay(place)
    const loop = openLoop(t, place, new SilentWatch().watch)
    await act(place)
    const lines = loop.reconcile()
    t.same(sayings(lines), [...expected].sort())
    if (message !== undefined) t.match(loop.refused.at(-1)?.error.message, message)
    const told = loop.lines.length
    loop.clock.advance(REMOVE_AFTER_MS + RECONCILE_MS)
    t.same(loop.lines.slice(told), later, 'and that is all')
    t.equal(loop.status()?.state, 'ok')
  })

  t.test(`${what}: events alone`, async (t) => {
    const place = makePlace(t)
    lay(place)
    const seen = watchPlace(t, place, { reconcileMs: 600_000, removeAfterMs: 50 })
    await ready(seen)
    const from = seen.lines.length
    await act(place)
    const refusal = seen.refused(({ error }) => message?.test(error.message) ?? false)
    const wanted = [...expected, ...later].sort()
    await until(
      () => wanted.every((line) => seen.lines.slice(from).includes(line)),
      `${wanted.join()}; there was ${seen.lines.join()}`,
    )
    if (message !== undefined) t.match((await refusal).error.message, message)
    // The thread is not held up by anything that was dropped.
    await seen.source.reconcile()
    const told = sayings(seen.lines.slice(from)).filter((line) => mayBeSeen?.test(line) !== true)
    t.same(told, wanted)
  })
}

/** The watcher is in place once it has asked for its first pass: two status events. */
async function ready(seen: ReturnType<typeof watchPlace>): Promise<void> {
  let passes = 0
  const watching = seen.source.events.once('watch', () => ++passes === 2)
  await seen.source.start()
  await watching
}

t.test('a device in a drop is refused unopened', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place, { reconcileMs: 600_000 })
  await ready(seen)
  const why = tryMknod(join(place.root, 'null'))
  if (why !== null) {
    t.match(why, /not permitted|not found/, 'this machine makes no devices for its user')
    return
  }
  dropOdd(place, 'odd', (path) => renameSync(join(place.root, 'null'), path))
  t.match((await seen.refused()).error.message, /src\/odd in odd.*it is a device/)
})

function tryMknod(path: string): string | null {
  try {
    execFileSync('mknod', [path, 'c', '1', '3'], { stdio: 'pipe' })
    return null
  } catch (fault) {
    return String(fault)
  }
}

t.test('a root that goes is degraded, not emptied; when it is back all goes on', (t: Test) => {
  const place = makePlace(t)
  place.drop('alpha', A1)
  const loop = openLoop(t, place, new SilentWatch().watch)
  t.match(loop.status(), { state: 'ok', mode: 'events', watches: 1 })
  for (const lose of [
    () => rmSync(place.packagesDir, { recursive: true }),
    () => renameSync(place.packagesDir, join(place.root, 'away')),
  ]) {
    lose()
    t.same(loop.reconcile(), [])
    t.match(loop.status(), { state: 'degraded', mode: 'missing', reason: /ENOENT/ })
    loop.clock.advance(10 * REMOVE_AFTER_MS)
    mkdirSync(place.packagesDir)
    writeFiles(place.path('alpha'), A1)
    t.same(loop.reconcile(), [])
    t.match(loop.status(), { state: 'ok', mode: 'events' })
  }
  place.drop('beta', packed(packageFiles('beta', '1.0.0')))
  t.same(loop.reconcile(), ['staged beta beta@1.0.0'])
  t.end()
})

t.test('L3: a system without watches is degraded, asked again, and taken when it has some', (t) => {
  const place = makePlace(t)
  place.drop('alpha', A1)
  const silent = new SilentWatch()
  const loop = openLoop(t, place, silent.watch)
  silent.told?.exhausted('no file watches left (ENOSPC)')
  t.match(loop.status(), {
    state: 'degraded',
    mode: 'poll',
    reason: 'no file watches left (ENOSPC)',
    watches: 0,
  })
  place.drop('beta', packed(packageFiles('beta', '1.0.0')))
  t.same(loop.reconcile(), ['staged beta beta@1.0.0'], 'found without events')
  loop.clock.advance(20_000)
  t.equal(silent.started, 1)
  loop.clock.advance(10_000)
  t.equal(silent.started, 2)
  silent.told?.exhausted('no file watches left (EMFILE)')
  t.match(loop.status(), { state: 'degraded', reason: /EMFILE/ })
  loop.clock.advance(32_000)
  t.equal(silent.started, 3)
  silent.told?.ready()
  loop.clock.advance(10)
  t.match(loop.status(), { state: 'ok', mode: 'events', watches: 1 })
  loop.clock.advance(600_000)
  t.equal(silent.started, 3)
  t.equal(silent.closed, 2)
  t.end()
})

t.test(
  'what is lost in an overflow of the event queue is found by the next reconcile',
  async (t) => {
    const place = makePlace(t)
    place.drop('alpha', A1)
    place.drop('flooded', packed(packageFiles('flooded', '1.0.0')))
    const loop = openLoop(t, place)
    await until(() => loop.status()?.watches === 5, 'the root and two folders of each drop')
    t.equal(inotifyWatches(), 5, 'as the system counts them')
    // This thread reads no event while it writes: the system keeps at most max_queued_events.
    const most = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
    // Two files in turn, because equal events in a row are one.
    const files = ['package.json', 'src/index.ts'].map((path) => join(place.path('flooded'), path))
    for (let event = 0; event <= most; event++) utimesSync(files[event % 2] ?? '', 1, 1)
    writeFileSync(join(place.path('alpha'), 'src/index.ts'), '')
    const isNoticed = (): boolean => loop.refused.some(({ entry }) => entry === 'alpha')
    // Events work again: this one came after the flood was read.
    place.drop('later', packed(packageFiles('later', '1.0.0')))
    await until(() => {
      loop.clock.advance(5)
      return loop.lines.includes('staged later later@1.0.0')
    }, 'a drop after the flood')
    const isLost = !isNoticed()
    loop.clock.advance(RECONCILE_MS)
    t.ok(isNoticed(), `found by the reconcile; its own event was ${isLost ? 'lost' : 'not lost'}`)
  },
)

/** Of this process. */
function inotifyWatches(): number {
  return readdirSync('/proc/self/fdinfo')
    .map((fd) => {
      try {
        return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify /gm)?.length ?? 0
      } catch {
        return 0
      }
    })
    .reduce((sum, count) => sum + count, 0)
}
