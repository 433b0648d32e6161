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
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import { createSource } from '../../src/source/thread-source.ts'
import { makePlace, packageFiles, packed, watchPlace, writeFiles } from './drops.ts'

/** No pass by time: only events and calls. */
const EVENTS_ONLY = { reconcileMs: 600_000 }

/** The watcher is in place once it has asked for its first pass: two status events. */
async function startWatching(seen: ReturnType<typeof watchPlace>): Promise<void> {
  let passes = 0
  const ready = seen.source.events.once('watch', () => ++passes === 2)
  await seen.source.start()
  await ready
}

t.test(
  'a prepared folder renamed in is staged on its event, without waiting for quiet',
  async (t) => {
    const place = makePlace(t)
    const seen = watchPlace(t, place, { ...EVENTS_ONLY, quietMs: 100 })
    await startWatching(seen)
    const prepared = join(place.root, 'prepared')
    writeFiles(prepared, packageFiles('alpha', '1.0.0', { 'src/deep/er/a.ts': '1' }))
    const writtenAt = Date.now()
    // The clock that file times are taken from may run some ms ahead of this one.
    while (Date.now() - writtenAt <= 130) await seen.source.reconcile()
    renameSync(prepared, place.path('alpha'))
    const drop = await seen.staged()
    t.same(seen.lines, ['staged alpha alpha@1.0.0'], 'never incomplete')
    t.match(drop, {
      tenant: 'public',
      entryFile: 'src/index.ts',
      files: 3,
      options: { threads: 1 },
    })
    t.ok(drop.detectedAt <= drop.stagedAt)
  },
)

t.test('a folder copied in slowly is staged once, after it was quiet', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place, { ...EVENTS_ONLY, quietMs: 150 })
  await startWatching(seen)
  const files = packageFiles('alpha', '1.0.0', { 'src/deep/a.ts': '1', 'src/deep/er/b.ts': '2' })
  for (const [path, text] of Object.entries(files)) {
    writeFiles(place.path('alpha'), { [path]: text })
    await seen.source.reconcile()
  }
  const drop = await seen.staged()
  t.equal(drop.files, 4)
  t.equal(seen.lines.filter((line) => line.startsWith('staged')).length, 1)
})

t.test(
  'what is left of a folder while it is being deleted is not taken for a version',
  async (t) => {
    const place = makePlace(t)
    const seen = watchPlace(t, place, { ...EVENTS_ONLY, quietMs: 400 })
    const refused = seen.refused()
    place.drop('alpha', packageFiles('alpha', '1.0.0', { 'a.ts': '' }))
    symlinkSync('a.ts', join(place.path('alpha'), 'link.ts'))
    const changedAt = statSync(join(place.path('alpha'), 'a.ts')).ctimeMs
    await startWatching(seen)
    await refused
    while (Date.now() - changedAt <= 450) await seen.source.reconcile()
    const incomplete = seen.refused(({ kind }) => kind === 'incomplete')
    rmSync(join(place.path('alpha'), 'link.ts'))
    await incomplete
    rmSync(place.path('alpha'), { recursive: true })
    await seen.source.events.once('cleared')
    t.same(seen.lines, [
      'rejected alpha FILE_REFUSED',
      'incomplete alpha DROP_INCOMPLETE',
      'cleared alpha',
    ])
  },
)

t.test('a packed folder copied in slowly is staged when its last file is there', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place, { ...EVENTS_ONLY, quietMs: 600_000 })
  await startWatching(seen)
  const files = Object.entries(
    packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': '1' })),
  ).reverse()
  for (const [path, text] of files) {
    t.notOk(seen.lines.some((line) => line.startsWith('staged')))
    writeFiles(place.path('alpha'), { [path]: text.slice(0, -1) })
    await seen.source.reconcile()
    writeFiles(place.path('alpha'), { [path]: text })
  }
  t.equal((await seen.staged()).files, 3)
})

t.test('an atomic replacement by other bytes of the same version is a conflict', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place, { ...EVENTS_ONLY, removeAfterMs: 600_000 })
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  await startWatching(seen)
  await seen.staged()
  rmSync(place.path('alpha'), { recursive: true })
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0', { 'src/a.ts': 'new' })))
  // Incomplete while it is half deleted, perhaps.
  const refused = await seen.refused(({ kind }) => kind !== 'incomplete')
  t.match(refused, { kind: 'rejected', entry: 'alpha', error: { code: 'VERSION_CONFLICT' } })
  const later = seen.staged(({ version }) => version === '1.0.1')
  rmSync(place.path('alpha'), { recursive: true })
  place.drop('alpha', packed(packageFiles('alpha', '1.0.1')))
  await later
  t.same(seen.lines.slice(-2), ['cleared alpha', 'staged alpha alpha@1.0.1'])
})

t.test(
  'deleted and created again in one tick is no removal, deleted for good is one',
  async (t) => {
    const place = makePlace(t)
    const seen = watchPlace(t, place, { ...EVENTS_ONLY, removeAfterMs: 300 })
    const files = packed(packageFiles('alpha', '1.0.0'))
    place.drop('alpha', files)
    await startWatching(seen)
    const prepared = join(place.root, 'again')
    writeFiles(prepared, files)
    rmSync(place.path('alpha'), { recursive: true })
    renameSync(prepared, place.path('alpha'))
    await seen.source.reconcile()
    // Passes may have seen the folder half deleted: incomplete for a moment, never removed.
    const said = seen.lines.filter((line) => !/^(incomplete|cleared) /.test(line))
    t.same(said, ['staged alpha alpha@1.0.0'])
    const removed = seen.source.events.once('removed')
    rmSync(place.path('alpha'), { recursive: true })
    t.match(await removed, { entry: 'alpha', version: '1.0.0' })
    const again = seen.source.events.once('staged')
    place.drop('alpha', files)
    t.match(await again, { entry: 'alpha' })
  },
)

t.test('a root deleted, renamed away and made anew removes nothing and goes on', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place, { reconcileMs: 20, removeAfterMs: 600_000 })
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  await startWatching(seen)
  const mode = (wanted: string): Promise<unknown> =>
    seen.source.events.once('watch', (status) => status.mode === wanted)
  for (const [index, lose] of [
    () => rmSync(place.packagesDir, { recursive: true }),
    () => renameSync(place.packagesDir, join(place.root, 'away')),
  ].entries()) {
    const missing = mode('missing')
    lose()
    await missing
    const back = mode('events')
    mkdirSync(place.packagesDir)
    await back
    const name = `beta${index}`
    const staged = seen.staged((drop) => drop.package === name)
    place.drop(name, packed(packageFiles(name, '1.0.0')))
    await staged
  }
  t.notOk(seen.lines.some((line) => line.startsWith('removed')))
})

t.test('a source over a root that is not there starts, says so, and finds it later', async (t) => {
  const place = makePlace(t)
  rmSync(place.packagesDir, { recursive: true })
  const seen = watchPlace(t, place)
  const missing = seen.source.events.once('watch')
  await seen.source.start()
  t.match(await missing, { mode: 'missing', reason: /ENOENT/, entries: 0 })
  const staged = seen.staged()
  mkdirSync(place.packagesDir)
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  t.match(await staged, { entry: 'alpha' })
})

t.test('without any file event a drop is found by the reconcile', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place, { watch: 'poll', reconcileMs: 30 })
  const status = seen.source.events.once('watch')
  await seen.source.start()
  t.match(await status, { mode: 'poll' })
  const staged = seen.staged()
  place.drop('@acme/alpha', packed(packageFiles('@acme/alpha', '1.0.0')))
  t.match(await staged, { entry: '@acme/alpha', tenant: 'acme', package: '@acme/alpha' })
})

t.test('hostile entries are refused by the real thread while good ones are staged', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place)
  place.drop('fifo', packageFiles('fifo', '1.0.0'))
  execFileSync('mkfifo', [join(place.path('fifo'), 'package.json.fifo')])
  place.drop('good', packed(packageFiles('good', '1.0.0')))
  await seen.source.start()
  t.match(await seen.refused(({ entry }) => entry === 'fifo'), { error: { code: 'FILE_REFUSED' } })
  await seen.staged(({ entry }) => entry === 'good')
})

t.test('link makes the artifact visible elsewhere without copying', async (t) => {
  const place = makePlace(t)
  const seen = watchPlace(t, place)
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0', { 'src/deep/a.ts': '1' })))
  await seen.source.start()
  const { digest, artifactDir } = await seen.staged()
  const slot = join(place.root, 'slots/1')
  await seen.source.link(digest, slot, 'index.js')
  await seen.source.link(digest, slot, 'index.js')
  for (const path of ['package.json', 'src/index.ts', 'src/deep/a.ts']) {
    t.equal(statSync(join(slot, path)).ino, statSync(join(artifactDir, path)).ino, path)
  }
  rmSync(place.path('alpha'), { recursive: true })
  t.equal(readFileSync(join(slot, 'src/deep/a.ts'), 'utf8'), '1')
  await t.rejects(seen.source.link('0'.repeat(64), slot, 'index.js'), { code: 'STORE_FAILED' })
})

t.test('T2: a thread that dies is replaced, and what changed meanwhile is reported', async (t) => {
  const place = makePlace(t)
  const threads: Worker[] = []
  const collect = (thread: Worker): void => void threads.push(thread)
  process.on('worker', collect)
  t.teardown(() => void process.off('worker', collect))
  const errors: unknown[] = []
  const logger = { ...silentLogger, error: (...line: unknown[]) => void errors.push(line) }
  const seen = watchPlace(t, place, { reconcileMs: 20, removeAfterMs: 40 }, logger)
  for (const name of ['stays', 'goes']) place.drop(name, packed(packageFiles(name, '1.0.0')))
  place.drop('refused', packed({ 'package.json': '{}' }))
  await seen.source.start()
  const fault = seen.source.events.once('fault')
  await threads[0]?.terminate()
  t.match(await fault, { code: 'INTERNAL', message: /source thread was lost/ })
  t.match(errors, [[{ why: /\S/, restartInMs: 50 }, 'the source thread was lost']], 'logged once')
  const removed = seen.source.events.once('removed')
  const cleared = seen.source.events.once('cleared')
  rmSync(place.path('goes'), { recursive: true })
  rmSync(place.path('refused'), { recursive: true })
  const pending = seen.source.reconcile()
  t.match(await cleared, { entry: 'refused' })
  t.match(await removed, { entry: 'goes' })
  await pending
  t.equal(threads.length, 2)
  t.equal(seen.lines.filter((line) => line.startsWith('staged')).length, 2, 'T1: not said twice')
})

t.test('after a restart a torn artifact is copied again before it is reported', async (t) => {
  const place = makePlace(t)
  place.drop('alpha', packed(packageFiles('alpha', '1.0.0')))
  const first = watchPlace(t, place)
  await first.source.start()
  const { artifactDir } = await first.staged()
  await first.source.close()
  const file = join(artifactDir, 'src/index.ts')
  const intact = readFileSync(file, 'utf8')
  chmodSync(file, 0o644)
  writeFileSync(file, intact.slice(0, 3))
  const second = watchPlace(t, place)
  await second.source.start()
  await second.staged()
  t.equal(readFileSync(file, 'utf8'), intact)
})

t.test('T3: close ends everything, more than once, and calls after it are refused', async (t) => {
  const place = makePlace(t)
  const { source } = watchPlace(t, place)
  await source.start()
  const pending = source.reconcile().then(
    () => 'answered',
    (fault: { code: string }) => fault.code,
  )
  await Promise.all([source.close(), source.close()])
  t.match(await pending, /answered|EXECUTOR_CLOSING/)
  await t.rejects(source.reconcile(), { code: 'EXECUTOR_CLOSING' })
  t.notOk(readdirSync(place.artifactsDir).some((name) => name.startsWith('.tmp')))
})

t.test('a source that never started closes', async (t) => {
  const place = makePlace(t)
  await watchPlace(t, place).source.close()
  t.notOk(existsSync(place.artifactsDir))
})

t.test('options are checked', (t) => {
  const paths = { packagesDir: '/a', artifactsDir: '/b' }
  const deps = { logger: silentLogger }
  const code = 'OPTION_INVALID'
  t.throws(() => createSource({ ...paths, packagesDir: 'a' }, deps), {
    code,
    message: /packagesDir/,
  })
  t.throws(() => createSource({ ...paths, reconcileMs: 0 }, deps), { code, message: /reconcileMs/ })
  t.throws(() => createSource({ ...paths, quietMs: Number.NaN }, deps), { code })
  t.end()
})
