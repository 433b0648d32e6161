import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { explainPackage } from '../../src/executor/why.ts'
import type { Executor } from '../../src/index.ts'
import { type WhyAnswer, whyAnswerSchema } from '../../src/protocol/why.ts'
import { startServer } from '../../src/server/start-server.ts'
import { run } from '../cli/command.ts'
import {
  Gates,
  HOLD,
  SAY,
  failure,
  make,
  makePlace,
  makeTasks,
  row,
  start,
  until,
  untilActive,
  untilLooked,
} from './helpers.ts'

const ask = (executor: Executor, name: string, version?: string): Promise<WhyAnswer> =>
  explainPackage(executor, { tenant: 'public', package: name, version })

async function verdicts(executor: Executor): Promise<Record<string, string>> {
  const { versions } = whyAnswerSchema.parse(await ask(executor, 'p'))
  return Object.fromEntries(
    versions.map(({ version, entry, verdict }) => [version ?? entry, verdict]),
  )
}

t.test('of every version it says why it serves or does not', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(executor, 'p', '1.1.0')
  place.drop(makeTasks('p', '2.0.0-rc.1', SAY))
  place.drop(make('p', '1.2.0', `throw new Error('a typo')`))
  place.drop(
    make(
      'p',
      '1.3.0',
      `export default definePackage({ secrets: ['KEY'], workflows: [workflow('w')${SAY}] })`,
    ),
  )
  await until(executor, 'two refusals', () => row(executor, 'p').refusals.length === 2)
  // Without a package.json that can be read it has no name but its entry's.
  place.drop({ name: 'p', version: '1.4.0', files: { 'package.json': '{}' } })
  place.drop({ name: 'other', version: '1.0.0', files: { 'package.json': '{}' } })
  await untilLooked(executor, 'two more', () => executor.status().refusals.length === 2)
  t.same(await verdicts(executor), {
    '2.0.0-rc.1': 'prerelease',
    '1.3.0': 'deferred',
    '1.2.0': 'refused',
    '1.1.0': 'active',
    '1.0.0': 'superseded',
    'p-1.4.0': 'refused',
  })
  const { versions: of } = await ask(executor, 'p', '1.1.0')
  t.match(of, [{ summary: /^It serves as g2 since .*, epoch 2: dropped\.$/, generation: 2 }])
  const { versions: was } = await ask(executor, 'p', '1.0.0')
  t.match(was[0]?.details[0], /^1\.1\.0 took its place at .*, epoch 2: dropped\.$/)
  const { versions: refused } = await ask(executor, 'p', '1.2.0')
  t.match(refused, [{ refusal: { error: { code: 'LOAD_FAILED' } }, entry: 'p-1.2.0' }])
  const { versions: nameless } = await ask(executor, 'p', '1.4.0')
  t.match(nameless, [{ version: null, summary: /PACKAGE_JSON_INVALID/ }])
  t.match((await ask(executor, 'p-1.4.0')).versions, nameless, 'by the name of its entry too')

  await executor.promote({ tenant: 'public', package: 'p', version: '1.0.0', reason: 'bad prices' })
  t.match(await verdicts(executor), { '1.1.0': 'held', '1.0.0': 'active' })
  const { versions: held } = await ask(executor, 'p', '1.1.0')
  t.match(held, [{ summary: 'It is held: bad prices.', details: [/^1\.0\.0 took its place/] }])
  place.remove('p-1.1.0')
  await until(executor, 'the removal', () => row(executor, 'p').versions.length === 4)
  t.match(await verdicts(executor), { '1.1.0': 'removed' })
})

t.test('of a package that is gone it says what served last', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place, { keepWarmMs: 0 })
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(executor, 'p', '1.1.0')
  for (const entry of ['p-1.0.0', 'p-1.1.0']) place.remove(entry)
  await until(executor, 'it to go', () => executor.package('public', 'p') === undefined)
  const { versions } = await ask(executor, 'p')
  t.match(versions, [
    { version: '1.1.0', verdict: 'removed', details: [/^No version of the package is left/] },
    { version: '1.0.0', verdict: 'removed', details: [/^1\.1\.0 took its place/, /^No version/] },
  ])
  t.match(await failure(ask(executor, 'p', '2.0.0')), {
    code: 'NO_MATCHING_VERSION',
    message: /present: none/,
  })
})

t.test('a version that asks for an operator is told apart from a policy that does', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  place.drop(makeTasks('p', '1.1.0', SAY, { promotion: 'manual' }))
  place.drop(makeTasks('p', '1.2.0', SAY, { promotion: '^2.0.0' }))
  const executor = await start(t, place)
  t.match(row(executor, 'p'), { policy: 'auto', activeVersion: '1.0.0' })
  t.same(await verdicts(executor), {
    '1.2.0': 'outside-range',
    '1.1.0': 'manual',
    '1.0.0': 'active',
  })
  await executor.promote({ tenant: 'public', package: 'p', version: '1.1.0' })
  t.match(row(executor, 'p'), { policy: 'manual' })
  t.match(await verdicts(executor), { '1.1.0': 'active', '1.2.0': 'held' })
  place.drop(makeTasks('p', '1.3.0', SAY))
  await untilLooked(executor, '1.3.0', () => row(executor, 'p').versions.length === 4)
  t.match(await verdicts(executor), { '1.3.0': 'manual' })
})

t.test('other bytes under the same number do not hide the version that serves', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  place.drop(makeTasks('p', '1.0.0', HOLD), 'impostor')
  rmSync(join(place.path('p-1.0.0'), MANIFEST_FILE))
  writeFileSync(join(place.path('p-1.0.0'), 'index.js'), '// edited')
  await untilLooked(executor, 'both', () => row(executor, 'p').refusals.length === 2)
  const { versions } = await ask(executor, 'p', '1.0.0')
  t.match(versions, [{ verdict: 'active', refusal: null }])
  t.equal(versions.length, 1)
  t.match(versions[0]?.details.slice(-2).sort(), [
    /^impostor claims to be this version too: VERSION_CONFLICT/,
    /^p-1\.0\.0 claims to be this version too: VERSION_CONFLICT/,
  ])
})

t.test(
  'a refused entry that says which version it is may be asked for by its own name',
  async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('p', '1.0.0', SAY))
    const executor = await start(t, place)
    place.drop(makeTasks('p', '1.0.0', HOLD), 'again')
    await untilLooked(executor, 'the conflict', () => row(executor, 'p').refusals.length === 1)
    const { package: name, versions } = await ask(executor, 'again')
    t.equal(name, 'p')
    t.match(versions, [{ version: '1.0.0', verdict: 'active' }])
    t.match(versions[0]?.details.join(), /again.*VERSION_CONFLICT/)
  },
)

t.test('what is draining, and what waits for room, says so', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', HOLD))
  const executor = await start(t, place)
  const holding: Promise<unknown>[] = []
  for (const version of ['1.0.0', '1.1.0', '1.2.0', '1.3.0']) {
    if (version !== '1.0.0') place.drop(makeTasks('p', version, HOLD))
    await untilActive(executor, 'p', version)
    holding.push(executor.invoke('public::p::w', version))
    await gates.reached(version)
  }
  place.drop(makeTasks('p', '1.4.0', HOLD))
  await until(executor, '1.4.0 to be put off', () => row(executor, 'p').refusals[0])
  t.match((await ask(executor, 'p', '1.4.0')).versions, [
    {
      verdict: 'deferred',
      details: ['It is loaded when another generation of the package has drained.'],
    },
  ])
  const [superseded] = (await ask(executor, 'p', '1.0.0')).versions
  t.match(superseded?.details.at(-1), /^Its generation g1 is draining since /)
  gates.open('1.0.0')
  await untilActive(executor, 'p', '1.4.0')
  for (const version of ['1.1.0', '1.2.0', '1.3.0']) gates.open(version)
  await Promise.all(holding)
})

t.test('what nobody has heard of is not found, with the nearest names', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('pipeline', '1.0.0', SAY))
  const executor = await start(t, place)
  t.match(await failure(ask(executor, 'pipelin')), {
    code: 'UNKNOWN_PACKAGE',
    message: /did you mean pipeline/,
  })
  t.match(await failure(ask(executor, 'pipeline', '1.0.1')), {
    code: 'NO_MATCHING_VERSION',
    message: /present: 1\.0\.0$/,
  })
  const elsewhere = explainPackage(executor, { tenant: 'acme', package: 'pipeline' })
  t.match(await failure(elsewhere), { code: 'UNKNOWN_PACKAGE' })
})

t.test('an entry that was refused is found by whatever it is called', async (t) => {
  const place = makePlace(t)
  const executor = await start(t, place)
  writeFileSync(place.path('broken.tgz'), 'no archive')
  const nothing = { name: '', version: '', files: { 'package.json': '{}' } }
  const names = ['My Package', 'odd@name', 'odd@2.tgz']
  for (const name of names) place.drop(nothing, name)
  await untilLooked(executor, 'all', () => executor.status().refusals.length === 4)
  const server = await startServer({
    executor,
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    version: '0.1.0',
    token: 'none is sent',
  })
  t.teardown(() => server.close())
  for (const name of ['broken.tgz', 'broken', ...names]) {
    const { code, stdout } = await run(['why', name, '--url', server.url])
    t.equal(code, 0, name)
    t.match(stdout, name === 'broken' ? 'entry broken.tgz' : `entry ${name}`, name)
  }
  t.match(await run(['why', 'Their Package', '--url', server.url]), {
    code: 2,
    stderr: /^NAME_INVALID/,
  })
  t.match(await run(['why', 'brokn.tgz', '--url', server.url]), {
    code: 3,
    stderr: /did you mean broken\.tgz/,
  })
})
