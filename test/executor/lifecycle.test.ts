import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Executor, createExecutor } from '../../src/index.ts'
import {
  Gates,
  HOLD,
  SAY,
  active,
  closedLoop,
  failure,
  failures,
  generationOf,
  make,
  makePlace,
  makeTasks,
  row,
  say,
  start,
  until,
  untilActive,
  within,
} from './helpers.ts'

const LISTENS = `.task('listens', { run: async (_, { input, signal }) => {
  gate(input)
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
} })`
const SLOW_RETRY = `.task('retries', { retry: { attempts: 2, delay: '60s' }, run: (_, { log }) => {
  log.info('failed'); throw new Error('no') } })`

t.test('two executors live in one process, each with its data dir', async (t) => {
  const place = makePlace(t)
  const other = { packagesDir: join(place.root, 'packages'), dataDir: join(place.root, 'other') }
  place.drop(makeTasks('p', '1.0.0', SAY))
  const [a, b] = await Promise.all([start(t, place), start(t, place, other)])
  t.not(a.status().boot, b.status().boot)
  t.match(await Promise.all([say(a, 'p'), say(b, 'p')]), [
    { version: '1.0.0' },
    { version: '1.0.0' },
  ])
  await a.promote({ tenant: 'public', package: 'p', version: '1.0.0' })
  await a.close()
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(b, 'p', '1.1.0')
})

t.test('the data dir may be reached through a link', async (t) => {
  const place = makePlace(t)
  const one = makeTasks(
    'p',
    '1.0.0',
    `.task('late', { run: async () => (await import('./late.js')).default })`,
  )
  place.drop({ ...one, files: { ...one.files, 'late.js': 'export default "read"' } })
  mkdirSync(join(place.root, 'real'))
  symlinkSync(join(place.root, 'real'), join(place.root, 'link'))
  const executor = await start(t, place, { dataDir: join(place.root, 'link', 'data') })
  t.equal(await executor.invoke('public::p::w::late'), 'read')
})

t.test('a data dir has one executor, which a second one does not disturb', async (t) => {
  const place = makePlace(t)
  const late = makeTasks(
    'p',
    '1.0.0',
    `.task('late', { run: async () => (await import('./late.js')).default })`,
  )
  place.drop({ ...late, files: { ...late.files, 'late.js': 'export default "still there"' } })
  const executor = await start(t, place)
  for (let round = 0; round < 2; round++) {
    const second = createExecutor({ packagesDir: place.packagesDir, dataDir: place.dataDir })
    t.match(await failure(second), { code: 'DATA_DIR_IN_USE', details: { pid: process.pid } })
  }
  t.equal(await executor.invoke('public::p::w::late'), 'still there')
  await executor.close()
  const next = await start(t, place)
  t.equal(active(next, 'p'), '1.0.0')
})

t.test('options and surroundings are checked before anything is touched', async (t) => {
  const place = makePlace(t)
  const { packagesDir, dataDir } = place
  const wrong = createExecutor({ packagesDir, dataDir, loadTimeout: 3 } as never)
  t.match(await failure(wrong), { code: 'OPTION_INVALID', message: /loadTimeout/ })
  const inside = createExecutor({ packagesDir, dataDir: join(packagesDir, 'data') })
  t.match(await failure(inside), { code: 'OPTION_INVALID', message: /lies in the folder/ })
  const file = join(place.root, 'a-file')
  writeFileSync(file, '')
  const onFile = createExecutor({ packagesDir: file, dataDir })
  t.match(await failure(onFile), { code: 'OPTION_INVALID', message: /is not a folder/ })
  writeFileSync(join(process.cwd(), 'secret.txt'), 'x')
  t.match(await failure(createExecutor({ packagesDir, dataDir })), { code: 'CWD_EXPOSED' })
  t.throws(() => readdirSync(dataDir), { code: 'ENOENT' })
  const open = await start(t, place, { permissions: 'off' })
  t.match(open.status(), { isolation: { permissions: 'off', network: 'open' } })
})

t.test('an option that a call does not take is refused, and not passed over', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  const options = { versoin: '1.0.0' } as never
  const refused = { code: 'OPTION_INVALID', message: /versoin.*did you mean version/ }
  t.match(await failure(executor.invoke('public::p::w::say', {}, options)), refused)
  t.match(await failure(executor.invokeJson('public::p::w::say', '{}', options)), refused)
  t.match(await failure(executor.getTask('public::p::w::say')({}, options)), refused)
})

t.test('close lets what was accepted end and refuses what comes', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', HOLD + SAY, { concurrency: 1 }))
  place.drop(makeTasks('q', '1.0.0', SAY))
  const executor = await start(t, place)
  const states: string[] = []
  executor.events.on('state', (state) => states.push(state))
  const held = executor.invoke('public::p::w::hold', { input: 'closing' })
  await gates.reached('closing')
  const waiting = [say(executor, 'p'), executor.invoke('public::p::w::say'), say(executor, 'q')]
  const closed = executor.close()
  t.equal(executor.close(), closed, 'every caller gets the same promise')
  for (const options of [{}, { version: '1.0.0' }]) {
    const late = say(executor, 'p', options)
    t.match(await failure(late), { code: 'EXECUTOR_CLOSING', status: 503, retryable: true })
  }
  const promotion = executor.promote({ tenant: 'public', package: 'p', version: '1.0.0' })
  t.match(await failure(promotion), { code: 'EXECUTOR_CLOSING' })
  gates.open('closing')
  t.match(await held, { version: '1.0.0' })
  t.match(await Promise.all(waiting), Array(3).fill({ version: '1.0.0' }))
  await closed
  t.same(states, ['closing', 'closed'])
  t.equal(executor.status().state, 'closed')
  t.equal(executor.status().threads, 0)
})

t.test('close frees the data dir even when it cannot clean it up', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const { packagesDir, dataDir } = place
  const executor = await createExecutor({ packagesDir, dataDir })
  t.match(await say(executor, 'p'), { version: '1.0.0' })
  // Nothing can be deleted by a path that leads round in a circle.
  const moved = join(place.root, 'moved')
  renameSync(dataDir, moved)
  symlinkSync(dataDir, dataDir)
  const left = /symbolic links/
  await t.rejects(executor.close(), { errors: [{ message: left }, { message: left }] })
  t.equal(executor.status().state, 'closed')
  t.equal(executor.status().threads, 0)
  const next = await start(t, place, { dataDir: moved })
  t.match(await say(next, 'p'), { version: '1.0.0' })
})

t.test('a call made in the same turn as close is served', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  const calls = Array.from({ length: 200 }, (_, i) =>
    executor.invoke(i % 2 === 0 ? 'public::p::w' : 'public::p::w::say'),
  )
  const closed = executor.close()
  t.equal((await within('the calls', Promise.all(calls))).length, 200)
  await closed
})

t.test('under load every call has its answer when close resolves', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  const stopped = Promise.withResolvers<void>()
  const load = closedLoop(64, async (id) => {
    try {
      return await executor.invokeJson(id % 2 === 0 ? 'public::p::w' : 'public::p::w::say', '{}')
    } catch (error) {
      stopped.resolve(load.stop())
      throw error
    }
  })
  await load.more(300)
  await executor.close()
  await within('the end', stopped.promise)
  t.equal(load.answers.length + load.errors.length, load.sent)
  t.same(
    [...new Set(load.errors.map((error) => (error as { code: string }).code))],
    ['EXECUTOR_CLOSING'],
  )
  t.ok(load.errors.length <= 64, 'only what came after it')
})

t.test('close waits for the attempts a policy still allows', async (t) => {
  const place = makePlace(t)
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `.task('second', { retry: { attempts: 2, delay: 50 }, run: (_, { attempt, log }) => {
        log.info('attempt ' + attempt)
        if (attempt === 1) throw new Error('no')
        return attempt
      } })`,
    ),
  )
  const executor = await start(t, place)
  const call = executor.invoke('public::p::w')
  await new Promise((resolve) => setImmediate(resolve))
  await executor.close()
  t.same(await call, { second: 2 })
})

t.test('force ends what runs, waits or is between two attempts, each with a code', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', LISTENS + SAY, { concurrency: 1 }))
  place.drop(makeTasks('r', '1.0.0', SLOW_RETRY))
  const executor = await start(t, place)
  const between = [executor.invoke('public::r::w::retries'), executor.invoke('public::r::w')]
  let lines = 0
  executor.events.on('log', () => lines++)
  await until(executor, 'two failed attempts', () => lines === 2)
  const running = executor.invoke('public::p::w::listens', { input: 'forced' })
  await gates.reached('forced')
  const pin = { generation: row(executor, 'p').activeGeneration ?? 0 }
  const pinned = say(executor, 'p', pin)
  const waiting = say(executor, 'p')
  const errors = failures([running, pinned, ...between, waiting])
  const began = performance.now()
  await executor.close({ force: true })
  const ended = 'GENERATION_TERMINATED'
  const [first, ...others] = await errors
  t.match(first, { code: ended, message: /the executor was closed at once/ })
  t.same(
    others.map(({ code }) => code),
    [ended, ended, ended, 'EXECUTOR_CLOSING'],
  )
  t.ok(performance.now() - began < 3000, 'at once')
})

t.test('force ends a close that waits', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', LISTENS + SAY, { concurrency: 1 }))
  const executor = await start(t, place)
  const running = executor.invoke('public::p::w::listens', { input: 'patience' })
  await gates.reached('patience')
  const waiting = say(executor, 'p')
  const errors = failures([running, waiting])
  await within('both', Promise.all([executor.close(), executor.close({ force: true })]))
  t.match(await errors, [{ code: 'GENERATION_TERMINATED' }, { code: 'EXECUTOR_CLOSING' }])
})

t.test('close gives up what is still being loaded', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const slow = `export default definePackage({
    setup: async () => { await gate(VERSION); await new Promise(() => {}) },
    workflows: [workflow('w')${SAY}] })`
  place.drop(makeTasks('p', '2.0.0', SAY))
  place.drop(make('p', '1.0.0', slow))
  const executor = await start(t, place)
  const pinned = say(executor, 'p', { version: '1.0.0' })
  await gates.reached('1.0.0')
  place.drop(make('p', '3.0.0', slow))
  await gates.reached('3.0.0')
  const promoted = executor.promote({ tenant: 'public', package: 'p', version: '3.0.0' })
  const errors = failures([pinned, promoted])
  await within('the close', executor.close())
  t.match(await errors, [{ code: 'EXECUTOR_CLOSING' }, { code: 'EXECUTOR_CLOSING' }])
  t.same(row(executor, 'p').generations, [])
})

t.test('an executor is closed at the end of its scope', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  let left: Executor
  {
    await using executor = await start(t, place)
    left = executor
    t.match(await say(executor, 'p'), { version: '1.0.0' })
  }
  t.equal(left.status().state, 'closed')
})

t.test('nothing is left when it is closed: no thread, no file, no slot', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const tasks = SAY + HOLD + LISTENS
  place.drop(makeTasks('p', '1.0.0', tasks, { threads: 2 }))
  const counts = (): { threads: number; files: number } => ({
    threads: readdirSync('/proc/self/task').length,
    files: readdirSync('/proc/self/fd').length,
  })
  const live = async (version: string, force: boolean): Promise<void> => {
    const executor = await start(t, place, { spare: true })
    await say(executor, 'p')
    await say(executor, 'p', { version: '1.0.0' })
    const task = force ? 'listens' : 'hold'
    const running = executor.invoke(`public::p::w::${task}`, { input: version })
    const ended = Promise.allSettled([running])
    await gates.reached(version)
    place.drop(makeTasks('p', version, tasks, { threads: 2 }))
    await untilActive(executor, 'p', version)
    t.equal(generationOf(executor, 'p', version)?.threads, 2)
    if (!force) gates.open(version)
    await executor.close({ force })
    t.match(await ended, [{ status: force ? 'rejected' : 'fulfilled' }])
  }
  // Node starts threads and opens files of its own at first use.
  await live('1.1.0', true)
  const before = counts()
  await live('1.2.0', true)
  await live('1.3.0', false)
  t.same(counts(), before)
  t.throws(() => readdirSync(join(place.dataDir, 'slots')), { code: 'ENOENT' })
})

t.test('close() waits for the teardown of a version that was retired before', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const source = `export default definePackage({
  setup: ({ log }) => ({ log }),
  teardown: async ({ log }) => {
    await gate('teardown')
    await new Promise((resolve) => setTimeout(resolve, 200))
    log.info('torn down')
  },
  workflows: [workflow('w')${SAY}] })`
  place.drop(make('p', '1.0.0', source))
  const executor = await start(t, place, { keepWarmMs: 0 })
  const lines: string[] = []
  executor.events.on('log', ({ message }) => void lines.push(message))
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(executor, 'p', '1.1.0')
  await gates.reached('teardown')
  t.equal(generationOf(executor, 'p', '1.0.0'), undefined, 'it is retired')
  gates.open('teardown')
  await executor.close()
  t.same(lines, ['torn down'])
})

t.test('close({ force: true }) may be called by a listener that hears of close()', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  let forced: Promise<void> | undefined
  executor.events.on('package', () => {
    if (executor.status().state === 'closing') forced ??= executor.close({ force: true })
  })
  await executor.close()
  await forced
  t.ok(forced)
  t.equal(executor.status().state, 'closed')
})
