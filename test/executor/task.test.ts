import t from 'tap'
import {
  Gates,
  HOLD,
  SAY,
  failure,
  makePlace,
  make,
  makeTasks,
  row,
  start,
  until,
  within,
} from './helpers.ts'

const PAIR = `
  .task('first', { run: (_, { input }) => input ?? 'none' })
  .task('second', { after: ['first'], run: (deps, { input }) => ({ deps, input: input ?? null }) })`

t.test('a task is called with its input and the outputs it depends on', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', PAIR))
  const executor = await start(t, place)
  const second = 'public::p::w::second'
  t.equal(await executor.invoke('public::p::w::first'), 'none')
  t.equal(await executor.invoke('public::p::w::first', { input: 3 }), 3)
  t.same(await executor.invoke(second, { input: 1, deps: { first: [2] } }), {
    deps: { first: [2] },
    input: 1,
  })
  const refused = async (body: unknown): Promise<string> => {
    const error = await failure(executor.invoke(second, body))
    t.equal(error.code, 'INPUT_INVALID')
    return error.message
  }
  t.match(await refused({ deps: {} }), '"deps" lacks first')
  t.match(await refused({}), '"deps" must hold first')
  t.match(await refused({ inputs: 1 }), /"inputs" is unknown.*did you mean input\?/)
  t.match(await refused([1]), 'a task takes an object')
})

t.test('input that is not JSON is refused before or in the thread', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', PAIR))
  const executor = await start(t, place)
  for (const namespace of ['public::p::w', 'public::p::w::first']) {
    const error = await failure(executor.invokeJson(namespace, '{"input":'))
    t.match(error, { code: 'INPUT_NOT_JSON', status: 400 })
  }
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  t.match(await failure(executor.invoke('public::p::w', circular)), { code: 'INPUT_NOT_JSON' })
  t.match(await failure(executor.invoke('public::p::w::first', { input: 1n })), {
    code: 'INPUT_NOT_JSON',
  })
  t.equal((await executor.invokeJson('public::p::w::first', '')).json, '"none"')
})

t.test('a name nobody knows is answered with the nearest one', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('billing', '1.0.0', PAIR))
  const executor = await start(t, place)
  const cases: readonly (readonly [namespace: string, code: string, message: string | RegExp])[] = [
    ['public::biling::w', 'UNKNOWN_PACKAGE', 'did you mean billing?'],
    ['other::billing::w', 'UNKNOWN_PACKAGE', 'tenant other has no package billing'],
    ['public::billing::x', 'UNKNOWN_WORKFLOW', 'did you mean w?'],
    ['public::billing::x::first', 'UNKNOWN_WORKFLOW', 'billing@1.0.0 has no workflow x'],
    ['public::billing::w::frst', 'UNKNOWN_TASK', 'has no task frst; did you mean first?'],
    ['public::billing', 'NAMESPACE_INVALID', 'it has 2 parts'],
    ['public::billing::w::first::more', 'NAMESPACE_INVALID', 'it has 5 parts'],
    ['public::Billing::w', 'NAMESPACE_INVALID', 'the package "Billing" is not a name'],
    ['public::billing@1.0.0::w', 'NAMESPACE_INVALID', 'the version is an option of the call'],
    ['', 'NAMESPACE_INVALID', 'it has 1 parts'],
  ]
  for (const options of [{}, { version: '1.0.0' }]) {
    for (const [namespace, code, message] of cases) {
      const error = await failure(executor.invoke(namespace, {}, options))
      t.match(error, { code, message }, `${namespace} ${JSON.stringify(options)}`)
    }
  }
  t.match(row(executor, 'billing').generations, [{ requests: 0, workflows: 0 }])
})

t.test('a task knows who and where it is', async (t) => {
  const place = makePlace(t)
  place.drop(
    make(
      'facts',
      '1.2.3',
      `
      export default definePackage({
        secrets: ['KEY'],
        config: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: { ...value, seen: true } }) } },
        setup: ({ config, secrets, generation }) => ({ made: [config, secrets.KEY.length, generation] }),
        workflows: [workflow('w').task('facts', {
          timeout: '5s',
          run: (_, ctx) => {
            const { input, attempt, deadline, tenant, package: name, version, generation, run, idempotencyKey } = ctx
            const { config, secrets, resources } = ctx
            console.log('to stdout')
            console.error('to stderr')
            ctx.log.warn({ n: 1 }, 'to the log')
            return { input, attempt, inMs: deadline - Date.now(), tenant, name, version, generation, run,
              idempotencyKey, config, secrets, resources, aborted: ctx.signal.aborted, env: Object.keys(process.env) }
          },
        })],
      })`,
    ),
    '@acme/facts',
  )
  const executor = await start(t, place, {
    tenants: { acme: { packages: { facts: { config: { a: 1 }, secrets: { KEY: 'abc' } } } } },
  })
  const lines: { level: string; task: string | null; message: string; fields?: unknown }[] = []
  executor.events.on('log', (line) => lines.push(line))
  const facts = (await executor.invoke('acme::facts::w::facts', { input: [1] })) as {
    readonly inMs: number
    readonly run: string
  }
  const generation = row(executor, 'facts', 'acme').activeGeneration
  t.match(facts, {
    input: [1],
    attempt: 1,
    tenant: 'acme',
    name: 'facts',
    version: '1.2.3',
    generation,
    idempotencyKey: `${facts.run}::w::facts`,
    config: { a: 1, seen: true },
    secrets: { KEY: 'abc' },
    resources: { made: [{ a: 1, seen: true }, 3, generation] },
    aborted: false,
    env: [],
  })
  t.ok(facts.run.startsWith(executor.status().boot))
  t.ok(facts.inMs > 4000 && facts.inMs <= 5001, `${facts.inMs} ms are left`)

  await until(executor, 'three lines', () => lines.length >= 3)
  const identity = { tenant: 'acme', package: 'facts', version: '1.2.3', generation }
  const task = 'w::facts'
  t.match(
    lines.toSorted((a, b) => (a.level < b.level ? -1 : 1)),
    [
      { ...identity, task, level: 'stderr', message: 'to stderr' },
      { ...identity, task, level: 'stdout', message: 'to stdout' },
      { ...identity, task, level: 'warn', message: 'to the log', fields: { n: 1 } },
    ],
  )
})

t.test('a task calls its own package and others of its tenant, and no other tenant', async (t) => {
  const place = makePlace(t)
  const call = `.task('call', {
    run: async (_, ctx) => {
      try { return await ctx.invoke(ctx.input.to, ctx.input.body, ctx.input.options) }
      catch (error) { return { code: error.code, message: error.message } }
    },
  })`
  place.drop(makeTasks('caller', '1.0.0', call + SAY))
  place.drop(makeTasks('other', '3.0.0', SAY))
  place.drop(makeTasks('other', '3.1.0', SAY))
  place.drop(makeTasks('secret', '1.0.0', SAY), '@acme/secret')
  const executor = await start(t, place)
  const invoke = (to: string, body?: unknown, options?: object): Promise<unknown> =>
    within(
      'a nested call',
      executor.invoke('public::caller::w::call', { input: { to, body, options } }),
    )

  t.match(await invoke('public::caller::w::say', { input: 'me' }), {
    version: '1.0.0',
    input: 'me',
  })
  t.match(await invoke('public::other::w', 'in'), { say: { version: '3.1.0', input: 'in' } })
  t.match(await invoke('public::other::w::say', {}, { version: '3.0.0' }), { version: '3.0.0' })
  t.match(await invoke('public::other::w::say', {}, { version: '^4' }), {
    code: 'NO_MATCHING_VERSION',
  })
  t.match(await invoke('public::other::v'), { code: 'UNKNOWN_WORKFLOW' })
  t.match(await invoke('nonsense'), { code: 'NAMESPACE_INVALID' })
  const refused = { code: 'UNKNOWN_PACKAGE', message: 'tenant acme has no package secret' }
  t.match(await invoke('acme::secret::w'), refused)
  t.match(await executor.invoke('acme::secret::w'), { say: { version: '1.0.0' } })
})

t.test(
  'requests are served in the order in which they came, tasks and workflows alike',
  async (t) => {
    const place = makePlace(t)
    const gates = new Gates(t)
    const note = `.task('note', { run: (_, { input }) => {
    globalThis.order = [...(globalThis.order ?? []), input]
    return globalThis.order
  } })`
    const source = `export default definePackage({ workflows: [workflow('w')${note}, workflow('h')${HOLD}] })`
    place.drop(make('p', '1.0.0', source, { concurrency: 1 }))
    const executor = await start(t, place)
    const holding = executor.invoke('public::p::h::hold', { input: 'order' })
    await gates.reached('order')
    const calls = Array.from({ length: 40 }, (_, i) =>
      i % 3 === 0
        ? executor.invoke('public::p::w', i)
        : executor.invoke('public::p::w::note', { input: i }),
    )
    gates.open('order')
    await holding
    await Promise.all(calls)
    t.same(await executor.invoke('public::p::w::note', { input: 'last' }), [
      ...calls.keys(),
      'last',
    ])
  },
)

t.test(
  'a task begins in an async context of its own, whatever setup, probe or others entered',
  async (t) => {
    const place = makePlace(t)
    const source = `
    import { AsyncLocalStorage } from 'node:async_hooks'
    const store = new AsyncLocalStorage()
    const enter = (_, { input }) => { const found = store.getStore() ?? null; store.enterWith(input); return found }
    export default definePackage({
      setup: () => { store.enterWith('setup') },
      probe: () => { store.enterWith('probe') },
      workflows: [workflow('w')
        .task('sync', { run: enter })
        .task('async', { run: async (_, ctx) => { await null; return enter(_, ctx) } })],
    })`
    place.drop(make('p', '1.0.0', source))
    const executor = await start(t, place)
    for (const task of ['sync', 'async', 'sync', 'async']) {
      const call = (input: number): Promise<unknown> =>
        executor.invoke(`public::p::w::${task}`, { input })
      t.same(await Promise.all([1, 2, 3].map(call)), [null, null, null], task)
    }
  },
)
