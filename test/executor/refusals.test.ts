import t from 'tap'
import type { Executor, RefusalRow } from '../../src/index.ts'
import {
  type Made,
  SAY,
  active,
  closedLoop,
  failure,
  make,
  makePlace,
  makeTasks,
  row,
  say,
  start,
  until,
  untilActive,
} from './helpers.ts'

function refusal(executor: Executor, version: string): RefusalRow | undefined {
  return row(executor, 'p').refusals.find((one) => one.version === version)
}

const GOOD = `export default definePackage({ workflows: [workflow('w')${SAY}] })`
const withOptions = (options: string): string =>
  `export default definePackage({ ${options}, workflows: [workflow('w')${SAY}] })`
const RAW_TASK = `name: 't', run: () => 1`
const raw = (contract: number, options: string): string => `
  export default { [Symbol.for('headgate.package')]: ${contract}, secrets: [],
    workflows: [{ name: 'w', options: {}, tasks: [{ ${RAW_TASK}, options: ${options} }] }] }`

interface Case {
  readonly what: string
  readonly source: string
  readonly headgate?: Record<string, unknown>
  readonly code: string
  readonly kind: 'rejected' | 'deferred'
  readonly message: string | RegExp
}

const CASES: readonly Case[] = [
  {
    what: 'a cycle',
    source: `export default definePackage({ workflows: [workflow('w')
      .task('a', { after: ['b'], run: () => 1 }).task('b', { after: ['a'], run: () => 1 })] })`,
    code: 'GRAPH_INVALID',
    kind: 'rejected',
    message: 'a -> b -> a',
  },
  {
    what: 'an entry that throws',
    source: `throw new Error('no luck')`,
    code: 'LOAD_FAILED',
    kind: 'rejected',
    message: 'no luck',
  },
  {
    what: 'an import of nothing',
    source: `import './missing.js'`,
    code: 'LOAD_FAILED',
    kind: 'rejected',
    message: 'missing.js',
  },
  {
    what: 'no default export',
    source: `export const definition = 1`,
    code: 'LOAD_FAILED',
    kind: 'rejected',
    message: 'does not default-export',
  },
  {
    what: 'another contract',
    source: raw(2, '{}'),
    code: 'CONTRACT_UNSUPPORTED',
    kind: 'rejected',
    message: 'written for contract 2; this executor speaks 1',
  },
  {
    what: 'an option of a later release',
    source: raw(1, `{ each: 'items' }`),
    code: 'NOT_YET',
    kind: 'rejected',
    message: 'each on task t of workflow w',
  },
  {
    what: 'a trigger rule of a later release',
    source: raw(1, `{ when: 'always' }`),
    code: 'NOT_YET',
    kind: 'rejected',
    message: 'when on task t of workflow w',
  },
  {
    what: 'an option nobody knows',
    source: raw(1, `{ retries: 3 }`),
    code: 'DEFINITION_INVALID',
    kind: 'rejected',
    message: 'retries',
  },
  {
    what: 'a secret the operator has not given',
    source: withOptions(`secrets: ['API_KEY']`),
    code: 'CONFIG_MISSING',
    kind: 'deferred',
    message: 'the secret API_KEY',
  },
  {
    what: 'a configuration the schema refuses',
    source: withOptions(`config: { '~standard': { version: 1, vendor: 'test',
      validate: () => ({ issues: [{ message: 'must be a URL', path: ['url'] }] }) } }`),
    code: 'CONFIG_MISSING',
    kind: 'deferred',
    message: /url.*must be a URL/,
  },
  {
    what: 'a setup that throws',
    source: withOptions(`setup: () => { throw new Error('database away') }`),
    code: 'SETUP_FAILED',
    kind: 'deferred',
    message: 'database away',
  },
  {
    what: 'a probe that throws',
    source: withOptions(`probe: () => { throw new Error('not well') }`),
    code: 'PROBE_FAILED',
    kind: 'deferred',
    message: 'not well',
  },
  {
    what: 'a permission that is not granted',
    source: GOOD,
    headgate: { permissions: { net: true } },
    code: 'PERMISSION_NOT_GRANTED',
    kind: 'rejected',
    message: 'permission net',
  },
  {
    what: 'an environment variable that is not granted',
    source: GOOD,
    headgate: { permissions: { env: ['HOME'] } },
    code: 'PERMISSION_NOT_GRANTED',
    kind: 'rejected',
    message: 'env: HOME',
  },
  {
    what: 'a thread that exits while it is loaded',
    source: `process.exit(3)`,
    code: 'LOAD_FAILED',
    kind: 'rejected',
    message: 'its thread ended',
  },
]

t.test(
  'a version that cannot serve is refused with its reason; the one before serves on',
  async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('p', '1.0.0', SAY))
    const executor = await start(t, place)
    const generation = row(executor, 'p').activeGeneration
    const load = closedLoop(64, () => executor.invokeJson('public::p::w', '{}'))
    let minor = 0
    for (const { what, source, headgate, code, kind, message } of CASES) {
      const version = `1.${++minor}.0`
      place.drop(make('p', version, source, headgate))
      const refused = await until(executor, `${what} to be refused`, () =>
        refusal(executor, version),
      )
      t.match(refused, { kind, error: { code, message }, entry: `p-${version}` }, what)
      t.equal(active(executor, 'p'), '1.0.0')
    }
    await load.more(100)
    await load.stop()
    t.same(load.errors, [], 'no call failed meanwhile')
    t.same([...new Set(load.answers.map((answer) => answer.generation))], [generation])

    const pinned = await failure(say(executor, 'p', { version: '1.1.0' }))
    t.equal(pinned.code, 'NO_MATCHING_VERSION')
    const promoted = executor.promote({ tenant: 'public', package: 'p', version: '1.1.0' })
    t.equal((await failure(promoted)).code, 'GRAPH_INVALID')
    t.match(await say(executor, 'p'), { version: '1.0.0' })

    place.drop(makeTasks('p', '2.0.0', SAY))
    await untilActive(executor, 'p', '2.0.0')
    await executor.close()

    const again = await start(t, place)
    t.equal(active(again, 'p'), '2.0.0')
    // Below the active version: looked at no more, except by who asks for it.
    const asked = again.promote({ tenant: 'public', package: 'p', version: '1.1.0' })
    t.equal((await failure(asked)).code, 'GRAPH_INVALID')
  },
)

t.test(
  'a version that defines what the one before defines has to come up all the same',
  async (t) => {
    const place = makePlace(t)
    const prepared = (setup: string, probe: string): string =>
      withOptions(`setup: () => { ${setup} }, probe: () => { ${probe} }`)
    place.drop(make('p', '1.0.0', prepared('', '')))
    const executor = await start(t, place)
    t.equal(active(executor, 'p'), '1.0.0')
    const away = `throw new Error('database away')`
    for (const [version, source, code] of [
      ['1.1.0', prepared(away, ''), 'SETUP_FAILED'],
      ['1.2.0', prepared('', away), 'PROBE_FAILED'],
    ] as const) {
      place.drop(make('p', version, source))
      const refused = await until(executor, `${version} to be refused`, () =>
        refusal(executor, version),
      )
      t.match(refused, { kind: 'deferred', error: { code, message: 'database away' } })
      t.match(await say(executor, 'p'), { version: '1.0.0' })
    }
    place.drop(make('p', '1.3.0', prepared('', '')))
    await untilActive(executor, 'p', '1.3.0')
    t.match(await say(executor, 'p'), { version: '1.3.0' })
  },
)

t.test('a refusal is the same after a restart', async (t) => {
  const place = makePlace(t)
  place.dropSample('analytics_pipeline-2.1.0')
  place.dropSample('.next/analytics_pipeline-2.3.0')
  const name = 'analytics_pipeline'
  const refusalsOf = (executor: Executor): unknown =>
    row(executor, name).refusals.map(({ entry, kind, version, error }) => {
      return { entry, kind, version, code: error.code, message: error.message }
    })
  const first = await start(t, place)
  t.equal(active(first, name), '2.1.0')
  t.match(refusalsOf(first), [
    {
      entry: 'analytics_pipeline-2.3.0',
      kind: 'rejected',
      version: '2.3.0',
      code: 'GRAPH_INVALID',
      message: /"transform_dta", which it has not; did you mean transform_data\?/,
    },
  ])
  const before = refusalsOf(first)
  await first.close()
  const second = await start(t, place)
  t.equal(active(second, name), '2.1.0')
  t.same(refusalsOf(second), before)
})

t.test(
  'a version that does not come up in time is put off, and its threads are ended',
  async (t) => {
    const place = makePlace(t)
    place.drop(makeTasks('p', '1.0.0', SAY))
    const executor = await start(t, place, { loadTimeoutMs: 1000 })
    const load = closedLoop(16, () => executor.invokeJson('public::p::w', '{}'))
    const hanging: readonly Made[] = [
      make('p', '1.1.0', `await new Promise(() => {})\n${GOOD}`),
      make('p', '1.2.0', `for (;;);`),
      make('p', '1.3.0', withOptions(`setup: () => new Promise(() => {})`)),
    ]
    for (const made of hanging) {
      place.drop(made)
      const refused = await until(executor, 'the refusal', () => refusal(executor, made.version))
      t.match(refused, { kind: 'deferred', error: { code: 'LOAD_TIMEOUT', retryable: true } })
      place.remove(`p-${made.version}`)
      await until(executor, 'the removal', () => refusal(executor, made.version) === undefined)
    }
    await load.stop()
    t.same(load.errors, [])
    t.match(row(executor, 'p').generations, [{ version: '1.0.0', threads: 1 }])
    t.equal(row(executor, 'p').generations.length, 1)
  },
)

t.test('what was put off is tried again and comes in when its cause is gone', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  const recovers = withOptions(
    `probe: () => { if (Date.now() < ${Date.now() + 700}) throw new Error('not yet') }`,
  )
  place.drop(make('p', '1.1.0', recovers))
  await until(executor, 'the refusal', () => refusal(executor, '1.1.0'))
  await untilActive(executor, 'p', '1.1.0')
  t.same(row(executor, 'p').refusals, [])
})

t.test('grants of the operator reach the thread, and only those', async (t) => {
  const place = makePlace(t)
  process.env['HEADGATE_TEST_SEEN'] = 'seen'
  process.env['HEADGATE_TEST_HIDDEN'] = 'hidden'
  const read = `.task('env', { run: () => [process.env.HEADGATE_TEST_SEEN, process.env.HEADGATE_TEST_HIDDEN ?? null] })`
  place.drop(makeTasks('p', '1.0.0', read, { permissions: { env: ['HEADGATE_TEST_SEEN'] } }))
  const permissions = { env: ['HEADGATE_TEST_SEEN', 'HEADGATE_TEST_HIDDEN'] }
  const executor = await start(t, place, {
    tenants: { public: { packages: { p: { permissions } } } },
  })
  t.same(await executor.invoke('public::p::w::env'), ['seen', null])
})
