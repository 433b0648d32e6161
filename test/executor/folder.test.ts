import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import type { Executor } from '../../src/executor/api.ts'
import { explainPackage } from '../../src/executor/why.ts'
import {
  Gates,
  HOLD,
  SAY,
  active,
  closedLoop,
  failure,
  generationOf,
  makePlace,
  makeTasks,
  row,
  say,
  start,
  until,
  untilActive,
  untilLooked,
  within,
} from './helpers.ts'

t.test(
  'when the active version leaves the folder the next lower one takes over, under load',
  async (t) => {
    const place = makePlace(t)
    const gates = new Gates(t)
    place.drop(makeTasks('p', '1.0.0', SAY))
    place.drop(makeTasks('p', '1.1.0', SAY + HOLD))
    place.drop(makeTasks('p', '1.2.0-rc.1', SAY))
    const executor = await start(t, place)
    const held = executor.invoke('public::p::w::hold', { input: 'removed' })
    await gates.reached('removed')
    const load = closedLoop(64, () => executor.invokeJson('public::p::w::say', '{}'))
    await load.more(200)
    place.remove('p-1.1.0')
    await untilActive(executor, 'p', '1.0.0')
    await load.more(200)
    await load.stop()
    t.same(load.errors, [])
    t.same([...new Set(load.answers.map(({ version }) => version))], ['1.1.0', '1.0.0'])
    gates.open('removed')
    t.match(await held, { version: '1.1.0' }, 'what it had begun ends on it')
    const [receipt] = await executor.receipts({ limit: 1 })
    t.match(receipt, { from: { version: '1.1.0' }, to: { version: '1.0.0' }, reason: /removed/ })
    t.match(await failure(say(executor, 'p', { version: '1.1.0' })), {
      code: 'NO_MATCHING_VERSION',
    })
  },
)

t.test('when the last version leaves the folder nothing accepted is disturbed', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', HOLD + SAY))
  const executor = await start(t, place)
  const held = executor.invoke('public::p::w::hold', { input: 'last' })
  await gates.reached('last')
  place.remove('p-1.0.0')
  await untilActive(executor, 'p', null)
  t.match(await failure(say(executor, 'p')), {
    code: 'NO_ACTIVE_VERSION',
    status: 503,
    message: 'no version of p is active for tenant public: the folder holds no version of it',
  })
  gates.open('last')
  t.match(await held, { version: '1.0.0' })
  place.drop(makeTasks('p', '1.0.0', HOLD + SAY))
  await untilActive(executor, 'p', '1.0.0')
  t.match(await say(executor, 'p'), { version: '1.0.0' })
})

t.test('a package of which nothing is left is not shown, nor after a restart', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  place.drop(makeTasks('q', '1.0.0', SAY))
  const names = (of: Executor): string[] => of.packages().map((one) => one.package)
  const first = await start(t, place, { keepWarmMs: 0 })
  t.same(names(first), ['p', 'q'])
  place.remove('p-1.0.0')
  await untilActive(first, 'p', null)
  const why = { versions: [{ version: '1.0.0', verdict: 'removed' }] }
  t.match(await explainPackage(first, { tenant: 'public', package: 'p' }), why)
  await first.close()

  const executor = await start(t, place)
  t.same(names(executor), ['q'])
  t.equal(executor.status().packages, 1)
  t.match(await executor.receipts({ limit: 1 }), [
    { package: 'q', reason: 'active before the restart' },
  ])
  t.match(await explainPackage(executor, { tenant: 'public', package: 'p' }), why)
  t.match(await failure(say(executor, 'p')), { code: 'NO_ACTIVE_VERSION' })
  place.drop(makeTasks('p', '1.0.0', SAY))
  await untilActive(executor, 'p', '1.0.0')
  t.same(names(executor), ['p', 'q'])
})

t.test('when the last version leaves the folder every call still has its answer', async (t) => {
  const place = makePlace(t)
  // Busy for longer than the dispatcher waits before it takes back what is not begun.
  const busy = `.task('say', { run: () => { const end = Date.now() + 4; while (Date.now() < end); } })`
  place.drop(makeTasks('p', '1.0.0', busy, { keepWarm: 0 }))
  const executor = await start(t, place)
  const stopped = Promise.withResolvers<void>()
  const load = closedLoop(32, async (id) => {
    try {
      return await executor.invokeJson(id % 2 === 0 ? 'public::p::w' : 'public::p::w::say', '{}')
    } catch (error) {
      stopped.resolve(load.stop())
      throw error
    }
  })
  await load.more(50)
  place.remove('p-1.0.0')
  await untilActive(executor, 'p', null)
  await within('the end', stopped.promise)
  t.same(
    [...new Set(load.errors.map((error) => (error as { code: string }).code))],
    ['NO_ACTIVE_VERSION'],
  )
  t.equal(load.answers.length + load.errors.length, load.sent)
})

t.test('a held version is no fallback', async (t) => {
  const place = makePlace(t)
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) place.drop(makeTasks('p', version, SAY))
  const executor = await start(t, place)
  await executor.promote({ tenant: 'public', package: 'p', version: '1.1.0' })
  place.remove('p-1.1.0')
  await untilActive(executor, 'p', '1.0.0')
  t.same(Object.keys(row(executor, 'p').held), ['1.2.0'])
})

t.test('a copy that stalls longer than the quiet time is loaded when it is whole', async (t) => {
  const place = makePlace(t)
  const { files } = makeTasks('p', '1.0.0', SAY)
  const executor = await start(t, place, { quietMs: 20 })
  const put = (file: string, text: string): void => writeFileSync(join(place.path('p'), file), text)
  mkdirSync(place.path('p'))
  put('package.json', files['package.json'] ?? '')
  put('index.js', `import './late.js'\n${files['index.js'] ?? ''}`)
  const refused = await untilLooked(executor, 'the half of it to be refused', () =>
    executor.package('public', 'p')?.refusals.find(({ error }) => error.code === 'LOAD_FAILED'),
  )
  put('late.js', '')
  await untilActive(executor, 'p', '1.0.0')
  t.match(await say(executor, 'p'), { version: '1.0.0' })
  t.same(row(executor, 'p').refusals, [])
  t.not(row(executor, 'p').versions[0]?.digest, refused.digest)

  put('later.js', '')
  const conflict = await untilLooked(executor, 'the conflict', () =>
    row(executor, 'p').refusals.find(({ error }) => error.code === 'VERSION_CONFLICT'),
  )
  t.match(conflict, { entry: 'p', version: '1.0.0' }, 'what can be called is replaced by nothing')
  t.match(await say(executor, 'p'), { version: '1.0.0' })
})

t.test('a version that is edited in place is refused, and the running one stays', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  place.drop(makeTasks('other', '1.0.0', SAY))
  const executor = await start(t, place)
  const { generation } = await say(executor, 'p')
  const edited = makeTasks('p', '1.0.0', `.task('say', { run: () => 'edited' })`)
  rmSync(join(place.path('p-1.0.0'), MANIFEST_FILE))
  writeFileSync(join(place.path('p-1.0.0'), 'index.js'), edited.files['index.js'] ?? '')
  const refused = await untilLooked(executor, 'the conflict', () =>
    row(executor, 'p').refusals.find(({ error }) => error.code === 'VERSION_CONFLICT'),
  )
  t.match(refused, { kind: 'rejected', entry: 'p-1.0.0', version: '1.0.0' })
  t.same(await say(executor, 'p'), { version: '1.0.0', generation, input: null })
  await executor.close()

  const again = await start(t, place)
  const known = await untilLooked(again, 'the conflict', () => row(again, 'p').refusals[0])
  t.match(known, { kind: 'rejected', error: { code: 'VERSION_CONFLICT' } }, 'over a restart too')
  t.match(await say(again, 'p'), { version: '1.0.0' }, 'by the bytes that the number stands for')
  place.remove('p-1.0.0')
  place.drop(makeTasks('p', '1.0.0', SAY))
  await untilActive(again, 'p', '1.0.0')
})

t.test('a version that lies under two names is there until both are gone', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY), 'a')
  const executor = await start(t, place)
  place.drop(makeTasks('p', '1.0.0', SAY), 'b')
  await executor.reconcile()
  place.remove('a')
  for (let round = 0; round < 5; round++) await executor.reconcile()
  t.equal(active(executor, 'p'), '1.0.0')
  place.remove('b')
  await untilActive(executor, 'p', null)
  t.same(row(executor, 'p').versions, [])
})

t.test('the folder itself may go and come back', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  const load = closedLoop(8, () => executor.invokeJson('public::p::w', '{}'))
  const away = join(place.root, 'away')
  renameSync(place.packagesDir, away)
  await untilLooked(executor, 'it to be missed', () => executor.status().watch.mode === 'missing')
  for (let round = 0; round < 5; round++) await executor.reconcile()
  t.equal(active(executor, 'p'), '1.0.0', 'unknown is not removed')
  mkdirSync(place.packagesDir)
  renameSync(join(away, 'p-1.0.0'), place.path('p-1.0.0'))
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(executor, 'p', '1.1.0')
  rmSync(place.packagesDir, { recursive: true })
  mkdirSync(place.packagesDir)
  place.drop(makeTasks('p', '1.2.0', SAY))
  await untilActive(executor, 'p', '1.2.0')
  await load.stop()
  t.same(load.errors, [])
})

t.test('numbers and epochs never come twice, over restarts', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  place.drop(makeTasks('q', '1.0.0', SAY))
  const generations: number[] = []
  const epochs: number[] = []
  const boots = new Set<string>()
  for (let boot = 0; boot < 3; boot++) {
    const executor = await start(t, place)
    boots.add(executor.status().boot)
    for (const { activeGeneration } of executor.packages()) generations.push(activeGeneration ?? 0)
    place.drop(makeTasks('p', `1.${boot + 1}.0`, SAY))
    await untilActive(executor, 'p', `1.${boot + 1}.0`)
    generations.push(row(executor, 'p').activeGeneration ?? 0)
    epochs.push(executor.registry.epoch)
    await executor.close({ force: boot === 1 })
  }
  const last = await start(t, place)
  t.equal(active(last, 'p'), '1.3.0')
  const receipts = await last.receipts({ limit: 100 })
  t.equal(new Set(receipts.map(({ epoch }) => epoch)).size, receipts.length)
  t.equal(receipts.length, 3 * 3 + 2)
  t.same(
    epochs,
    epochs.toSorted((a, b) => a - b),
  )
  t.equal(new Set(generations).size, generations.length)
  t.equal(boots.size, 3)
  const entries = await last.control({ since: 0, limit: 1000 })
  t.equal(new Set(entries.map(({ boot }) => boot)).size, 4)
  t.equal(entries.filter(({ to }) => to === 'active').length, receipts.length)
})

t.test(
  'a version is served on after a restart without its old bytes being copied again',
  async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('p', '1.0.0', SAY))
    const first = await start(t, place)
    const digest = generationOf(first, 'p', '1.0.0')?.digest
    await first.close()
    const second = await start(t, place)
    t.equal(generationOf(second, 'p', '1.0.0')?.digest, digest)
    await until(second, 'it to serve', () => active(second, 'p') === '1.0.0')
  },
)

t.test('a restart without the folder serves what was active, from verified bytes', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  place.drop(makeTasks('p', '1.1.0', SAY))
  place.drop(makeTasks('q', '1.0.0', SAY), '@acme/q')
  const first = await start(t, place)
  await first.promote({ tenant: 'public', package: 'p', version: '1.0.0', reason: 'a test' })
  await first.close()
  const away = join(place.root, 'away')
  renameSync(place.packagesDir, away)

  const executor = await start(t, place)
  t.equal(executor.status().watch.mode, 'missing')
  t.match(await say(executor, 'p'), { version: '1.0.0' })
  t.match(await say(executor, 'q', {}, 'acme'), { version: '1.0.0' })
  t.same(row(executor, 'p').held, { '1.1.0': 'a test' })
  for (let look = 0; look < 5; look++) await executor.reconcile()
  t.equal(active(executor, 'p'), '1.0.0', 'nothing is known of the folder')

  // It comes back without q.
  rmSync(join(away, '@acme'), { recursive: true })
  const generation = row(executor, 'p').activeGeneration
  renameSync(away, place.packagesDir)
  await untilActive(executor, 'q', null, 'acme')
  await until(executor, '1.1.0 to be seen', () => row(executor, 'p').versions.length === 2)
  t.match(row(executor, 'p'), { activeVersion: '1.0.0', activeGeneration: generation })
  t.match(
    row(executor, 'p').versions.map(({ entry }) => entry),
    ['p-1.1.0', 'p-1.0.0'],
  )
})

t.test('without the folder a version whose copy is damaged does not serve', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const first = await start(t, place)
  const digest = row(first, 'p').versions[0]?.digest ?? ''
  await first.close()
  const file = join(place.dataDir, 'artifacts', digest, 'index.js')
  rmSync(file, { force: true })
  writeFileSync(file, 'export default 1')
  rmSync(place.packagesDir, { recursive: true })
  const executor = await start(t, place)
  t.match(await failure(say(executor, 'p')), { code: 'NO_ACTIVE_VERSION' })
})
