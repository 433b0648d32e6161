import t from 'tap'
import { loadWorkflowPackage } from '../../src/index.ts'
import { until } from '../helpers/until.ts'
import { bench, said, write } from './registration-bench.ts'
import {
  active,
  failure,
  Gates,
  HOLD,
  make,
  makeTasks,
  row,
  SAY,
  say,
  start,
  untilActive,
  untilLooked,
  within,
} from './helpers.ts'

t.test('the same bytes again change nothing; other bytes are a conflict, everywhere', async (t) => {
  const { place, executor, load } = await bench(t)
  const pkg = await load(said('mailer', '1.0.0'))
  await pkg.registerTasks('acme')
  const before = await executor.control({ since: 0, limit: 1000 })
  const epoch = executor.registry.epoch
  await pkg.registerTasks('acme')
  await (await load(said('mailer', '1.0.0'))).registerTasks('acme')
  t.same(await executor.control({ since: 0, limit: 1000 }), before)
  t.equal(executor.registry.epoch, epoch)

  const other = makeTasks('mailer', '1.0.0', `${SAY}.task('more', { run: () => 1 })`)
  const impostor = await load(other)
  t.not(impostor.metadata.fingerprint, pkg.metadata.fingerprint)
  t.match(await failure(impostor.registerTasks('acme')), { code: 'VERSION_CONFLICT', status: 409 })
  place.drop(other, '@acme/mailer')
  const refused = await untilLooked(executor, 'the drop to be refused', () =>
    row(executor, 'mailer', 'acme').refusals.find(({ entry }) => entry === '@acme/mailer'),
  )
  t.equal(refused.error.code, 'VERSION_CONFLICT')
  t.match(await say(executor, 'mailer', {}, 'acme'), { version: '1.0.0' })
  t.same(await impostor.registerTasks('globex'), [
    'globex::mailer::w::say',
    'globex::mailer::w::more',
  ])

  await executor.close()
  const next = await start(t, place)
  t.equal(active(next, 'mailer', 'globex'), null, 'a registration ends with its executor')
  t.same(await say(next, 'mailer', {}, 'acme').then(({ version }) => version), '1.0.0')
  place.remove('@acme/mailer')
  await untilActive(next, 'mailer', null, 'acme')
  const again = await loadWorkflowPackage(write(place, other), { executor: next })
  t.match(await failure(again.registerTasks('acme')), { code: 'VERSION_CONFLICT' })
})

t.test('beside versions in the folder the order of versions decides', async (t) => {
  const { place, executor, load } = await bench(t)
  place.drop(said('mailer', '1.0.0'))
  await untilActive(executor, 'mailer', '1.0.0')
  const call = executor.getTask('public::mailer::w::say')
  t.match(await call(), { version: '1.0.0' })

  await (await load(said('mailer', '1.1.0'))).registerTasks('public')
  t.equal(active(executor, 'mailer'), '1.1.0')
  t.match(await call(), { version: '1.1.0' }, 'each call resolves the version anew')
  const receipts = await executor.receipts({ package: 'mailer', limit: 10 })
  t.match(receipts[0], { from: { version: '1.0.0' }, to: { version: '1.1.0' } })

  await (await load(said('mailer', '0.9.0'))).registerTasks('public')
  t.equal(active(executor, 'mailer'), '1.1.0', 'a lower one serves its pins alone')
  t.match(await call(undefined, { version: '0.9.0' }), { version: '0.9.0' })

  place.drop(said('mailer', '1.2.0'))
  await untilActive(executor, 'mailer', '1.2.0')
  place.remove('mailer-1.2.0')
  await untilActive(executor, 'mailer', '1.1.0')
  t.match(await call(), { version: '1.1.0' }, 'the highest that is left')
})

t.test('a registered version stays when the folder loses its copy', async (t) => {
  const { place, executor, load } = await bench(t)
  const pkg = await load(said('mailer', '1.0.0'))
  await pkg.registerTasks('public')
  const { activeGeneration } = row(executor, 'mailer')
  place.drop(said('mailer', '1.0.0'))
  const entry = (): string | undefined => row(executor, 'mailer').versions[0]?.entry
  await untilLooked(executor, 'the drop', () => entry() === 'mailer-1.0.0')
  place.remove('mailer-1.0.0')
  await untilLooked(executor, 'its removal', () => entry() !== 'mailer-1.0.0')
  t.match(await say(executor, 'mailer'), { version: '1.0.0', generation: activeGeneration })

  place.drop(said('other', '1.0.0'))
  await untilActive(executor, 'other', '1.0.0')
  await (await load(said('other', '1.0.0'))).registerTasks('public')
  place.remove('other-1.0.0')
  await untilLooked(
    executor,
    'the registered copy to stand in',
    () => row(executor, 'other').versions[0]?.entry !== 'other-1.0.0',
  )
  t.match(await say(executor, 'other'), { version: '1.0.0' }, 'registered after it was dropped')
})

t.test('registrations of one package at once end in order, and load a version once', async (t) => {
  const { executor, load } = await bench(t)
  const pkg = await load(said('mailer', '1.0.0'))
  const impostor = await load(makeTasks('mailer', '1.0.0', `${SAY}.task('b', { run: () => 1 })`))
  const bad = impostor.registerTasks.bind(impostor)
  const [first, conflict, again] = await Promise.allSettled([
    pkg.registerTasks('acme', 'one'),
    bad('acme'),
    pkg.registerTasks('acme', 'two'),
  ])
  t.match(first, { value: ['acme::mailer::one::say'] })
  t.match(conflict, { reason: { code: 'VERSION_CONFLICT' } })
  t.match(again, { value: ['acme::mailer::two::say'] })
  t.equal(row(executor, 'mailer', 'acme').generations.length, 1)
  t.match(await executor.invoke('acme::mailer::one::say'), { version: '1.0.0' })
})

t.test('a drop of the version while it is registered is one version with it', async (t) => {
  const { place, executor, load } = await bench(t)
  const gates = new Gates(t)
  const slow = make(
    'reports',
    '1.0.0',
    `export default definePackage({ setup: () => gate('setup'),
       workflows: [workflow('daily')${SAY}, workflow('weekly')${SAY}] })`,
  )
  const pkg = await load(slow)
  const refused = pkg.registerTasks('public', 'yearly')
  const registered = pkg.registerTasks('public', 'daily')
  const ends = Promise.all([failure(refused), within('the registration', registered)])
  await gates.reached('setup')
  place.drop(slow)
  await until(() => executor.package('public', 'reports')?.versions.length === 1, 'the drop')
  gates.open('setup')
  t.match(await ends, [
    { code: 'UNKNOWN_WORKFLOW' },
    ['public::reports::daily::say', 'public::reports::weekly::say'],
  ])
  t.equal(active(executor, 'reports'), '1.0.0', 'what was dropped serves')
  t.equal(row(executor, 'reports').generations.length, 1)
})

t.test('a registered version drains like any other when it is replaced', async (t) => {
  const { executor, load } = await bench(t)
  const gates = new Gates(t)
  await (await load(makeTasks('mailer', '1.0.0', HOLD))).registerTasks('acme')
  const running = executor.getTask('acme::mailer::w::hold')({ input: 'a' })
  await gates.reached('a')
  await (await load(makeTasks('mailer', '1.1.0', HOLD))).registerTasks('acme')
  t.equal(active(executor, 'mailer', 'acme'), '1.1.0')
  gates.open('a')
  t.match(await running, { version: '1.0.0' })
})
