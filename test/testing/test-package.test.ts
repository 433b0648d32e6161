import { readFile } from 'node:fs/promises'
import t from 'tap'
import { z } from 'zod'
import { HeadgateError } from '../../src/base/errors.ts'
import { definePackage, environment, TerminalError, workflow } from '../../src/sdk/index.ts'
import { testPackage } from '../../src/testing/index.ts'

const START = Date.UTC(2025, 0, 1)

/** Fails `times` times, then answers how often it was called. */
function flaky(times: number, code?: string): () => { calls: number } {
  let calls = 0
  return () => {
    if (++calls <= times) throw Object.assign(new Error(`call ${calls}`), code ? { code } : {})
    return { calls }
  }
}

async function failure(promise: Promise<unknown>): Promise<HeadgateError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof HeadgateError) return error
  throw error
}

t.test('retries wait no real time, and each attempt is on record', async (t) => {
  const flow = workflow('flow')
    .task('fetch', {
      retry: { attempts: 4, backoff: 'exponential', delay: '1h', maxDelay: '3h' },
      run: flaky(3, 'BUSY'),
    })
    .task('sum', { after: ['fetch'], run: ({ fetch }) => fetch.calls + 1 })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const before = performance.now()
  const run = await kit.run(flow)
  t.ok(performance.now() - before < 5_000, 'six hours')
  t.equal(run.status, 'succeeded')
  t.same(run.output, { sum: 5 })
  t.same(run.unwrap(), { fetch: { calls: 4 }, sum: 5 })
  const HOUR = 3_600_000
  t.same(
    run.attempts.map(({ task, attempt, delayMs, startedAt, outcome, error }) => {
      const at = (startedAt - START) / HOUR
      return [task, attempt, delayMs / HOUR, at, outcome, error?.code ?? null]
    }),
    [
      ['fetch', 1, 0, 0, 'failed', 'BUSY'],
      ['fetch', 2, 1, 1, 'failed', 'BUSY'],
      ['fetch', 3, 2, 3, 'failed', 'BUSY'],
      ['fetch', 4, 3, 6, 'succeeded', null],
      ['sum', 1, 0, 6, 'succeeded', null],
    ],
  )
  t.equal(run.endedAt - run.startedAt, 6 * HOUR)
  t.equal(kit.clock.now(), run.endedAt)
})

t.test('jitter is what `random` says, none by default', async (t) => {
  const delays = async (random?: () => number): Promise<readonly number[]> => {
    const flow = workflow('flow').task('a', {
      retry: { attempts: 2, delay: '1s' },
      run: flaky(1),
    })
    const definition = definePackage({ workflows: [flow] })
    await using kit = await testPackage(definition, random === undefined ? {} : { random })
    return (await kit.run(flow)).attempts.map(({ delayMs }) => delayMs)
  }
  t.same(await delays(), [0, 1_000])
  t.same(await delays(() => 0), [0, 750])
  t.same(await delays(() => 0.999), [0, 1_249.5])
})

t.test('a TerminalError ends retries, and so does a code that is not in retryOn', async (t) => {
  const flow = workflow('flow')
    .task('ends', {
      retry: { attempts: 5 },
      run: (): never => {
        throw new TerminalError('NO_FLIGHTS', 'none today', { day: 3 })
      },
    })
    .task('after', { after: ['ends'], run: () => 1 })
  const picky = workflow('picky').task('a', {
    retry: { attempts: 5, retryOn: ['BUSY'] },
    run: flaky(4, 'GONE'),
  })
  await using kit = await testPackage(definePackage({ workflows: [flow, picky] }))
  const run = await kit.run(flow)
  t.equal(run.status, 'failed')
  t.equal(run.output, undefined)
  t.match(run.error, { code: 'TASK_FAILED', details: { cause: 'NO_FLIGHTS', data: { day: 3 } } })
  t.match(run.attempts, [{ task: 'ends', attempt: 1, error: { code: 'NO_FLIGHTS' } }])
  t.equal(run.attempts.length, 1, 'what depends on it was skipped')
  t.throws(() => run.unwrap(), { code: 'TASK_FAILED' })
  t.match((await kit.run('picky')).attempts, [{ attempt: 1, error: { code: 'GONE' } }])
})

t.test('a timeout comes by the clock alone, and is retried by policy', async (t) => {
  const aborted: unknown[] = []
  const flow = workflow('flow').task('hangs', {
    timeout: '30s',
    retry: { attempts: 2, delay: '1s' },
    run: (_, { signal, attempt, deadline }) =>
      new Promise<number>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push([attempt, deadline - START])
          reject(new Error('too late: the attempt has ended'))
        })
      }),
  })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const running = kit.run(flow)
  await kit.begun('hangs')
  await kit.clock.advance('29s')
  t.same(aborted, [])
  await kit.clock.advance('1s')
  await kit.begun('flow::hangs', 2)
  await kit.clock.advance(30_000)
  const run = await running
  t.match(run.error, { code: 'TASK_TIMEOUT', details: { task: 'hangs', timeoutMs: 30_000 } })
  t.same(aborted, [
    [1, 30_000],
    [2, 61_000],
  ])
  t.match(run.attempts, [
    { delayMs: 0, outcome: 'failed', error: { code: 'TASK_TIMEOUT' } },
    { delayMs: 1_000, startedAt: START + 31_000, endedAt: START + 61_000 },
  ])
})

t.test('time stands while a task waits for something real', async (t) => {
  const flow = workflow('flow')
    .task('reads', {
      timeout: '1ms',
      run: async () => (await readFile(import.meta.filename, 'utf8')).length,
    })
    .task('fails_once', { retry: { attempts: 2, delay: '1h' }, run: flaky(1) })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const run = await kit.run(flow)
  t.equal(run.status, 'succeeded')
  t.match(
    run.attempts.filter(({ task }) => task === 'reads'),
    [{ startedAt: START, endedAt: START, outcome: 'succeeded' }],
  )
})

t.test('branches run side by side, and waits of all runs pass on one clock', async (t) => {
  const order: string[] = []
  const noted = (name: string) => ({
    retry: { attempts: 2, delay: name === 'slow' ? '2s' : '1s' } as const,
    run: (_: unknown, { attempt }: { attempt: number }): number => {
      order.push(`${name} ${attempt}`)
      if (attempt === 1) throw new Error('again')
      return attempt
    },
  })
  const flow = workflow('flow').task('slow', noted('slow')).task('quick', noted('quick'))
  const other = workflow('other').task('b', noted('other'))
  await using kit = await testPackage(definePackage({ workflows: [flow, other] }))
  const [one, two] = await Promise.all([kit.run(flow), kit.run(other)])
  t.same(order, ['slow 1', 'quick 1', 'other 1', 'quick 2', 'other 2', 'slow 2'])
  t.same([one.endedAt - START, two.endedAt - START], [2_000, 1_000])
  t.not(one.id, two.id)
})

t.test('outputs are copied as JSON on their way', async (t) => {
  interface Loose {
    list: number[]
    gone?: undefined
  }
  const flow = workflow('flow')
    .task('a', { run: (): Loose => ({ list: [1], gone: undefined }) })
    .task('b', {
      after: ['a'],
      run: ({ a }) => {
        a.list.push(2)
        return Object.keys(a)
      },
    })
    .task('c', { after: ['a', 'b'], run: ({ a }) => a.list })
    .task('nothing', { run: () => JSON.parse('null') })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const { outputs, output } = await kit.run(flow)
  t.same(outputs, { a: { list: [1] }, b: ['list'], c: [1], nothing: null })
  t.same(output, { c: [1], nothing: null })
})

t.test('what is no JSON, or too much, ends the task', async (t) => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  const flow = workflow('flow', { input: z.unknown() }).task('a', {
    retry: { attempts: 3 },
    run: (_, { input }): unknown =>
      input === 'big' ? 'x'.repeat(2_000) : input === 'cycle' ? cycle : () => 1,
  })
  const definition = definePackage({ workflows: [flow] })
  await using kit = await testPackage(definition, { maxPayloadBytes: 1_024 })
  for (const [input, code] of [
    ['big', 'RESULT_TOO_LARGE'],
    ['cycle', 'NOT_SERIALISABLE'],
    ['function', 'NOT_SERIALISABLE'],
  ]) {
    const run = await kit.run(flow, input)
    t.equal(run.error?.code, code)
    t.equal(run.attempts.length, 1, 'no retry')
  }
  t.equal((await failure(kit.run(flow, 'x'.repeat(2_000)))).code, 'PAYLOAD_TOO_LARGE')
  t.equal((await failure(kit.run(flow, cycle))).code, 'INPUT_NOT_JSON')
})

t.test('the input passes its schema before a task begins', async (t) => {
  const seen: unknown[] = []
  const flow = workflow('flow', {
    input: z.object({ day: z.string(), limit: z.number().default(500) }),
  }).task('a', {
    retry: { attempts: 3 },
    run: (_, { input }) => {
      seen.push(input)
      return input.limit
    },
  })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const good = await kit.run(flow, { day: 'today' })
  t.same(good.outputs, { a: 500 })
  const bad = await kit.run(flow, { day: 7 })
  t.equal(bad.error?.code, 'INPUT_INVALID')
  t.match(bad.error?.message, /day: .*string/)
  t.equal(bad.attempts.length, 1)
  t.same(seen, [{ day: 'today', limit: 500 }])
})

t.test('a task is called alone, with dependencies and its own policy', async (t) => {
  const flow = workflow('flow')
    .task('a', { run: () => ({ n: 1 }) })
    .task('b', {
      after: ['a'],
      retry: { attempts: 2, delay: '5s' },
      run: ({ a }, { input, attempt }) => {
        if (attempt === 1) throw new Error('again')
        return [a.n, input]
      },
    })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const call = await kit.task(flow, 'b', { input: 'x', deps: { a: { n: 7 } } })
  t.same(call.unwrap(), [7, 'x'])
  t.same(call.output, [7, 'x'])
  t.same(
    call.attempts.map(({ delayMs }) => delayMs),
    [0, 5_000],
  )
  const lacking = await kit.task(flow, 'b')
  t.match(lacking.error, { code: 'INPUT_INVALID', message: /"deps" must hold a/ })
  t.equal((await kit.task('flow', 'a')).unwrap() instanceof Object, true)
})

t.test('a name that is not there is refused with the nearest one', async (t) => {
  const flow = workflow('flow').task('fetch', { run: () => 1 })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  t.match(await failure(kit.run('flwo')), { code: 'UNKNOWN_WORKFLOW', message: /flow/ })
  t.match(await failure(kit.task('flow', 'fech')), { code: 'UNKNOWN_TASK', message: /fetch/ })
  const twin = workflow('flow').task('fetch', { run: () => 2 })
  t.match(await failure(kit.run(twin)), { code: 'OPTION_INVALID', message: /another workflow/ })
})

t.test('a context has everything that a task may use', async (t) => {
  const { workflow: begin, definePackage: define } = environment({
    config: z.object({ url: z.string(), retries: z.number().default(3) }),
    secrets: ['TOKEN'],
    setup: ({ config, secrets, tenant, log }) => {
      log.info({ tenant }, 'set up')
      return { client: `${config.url}#${secrets.TOKEN}` }
    },
  })
  const flow = begin('flow').task('a', {
    timeout: '5s',
    run: (_, ctx) => {
      ctx.log.warn({ n: 1 }, 'careful')
      ctx.progress(0.5, 'half way')
      ctx.progress(Number.NaN)
      const { attempt, idempotencyKey, tenant, version, run, generation, config, resources } = ctx
      const left = ctx.deadline - START
      const isAborted = ctx.signal.aborted
      const about = { attempt, idempotencyKey, tenant, version, run, generation, left, isAborted }
      return { ...about, package: ctx.package, retries: config.retries, client: resources.client }
    },
  })
  await using kit = await testPackage(define({ workflows: [flow] }), {
    config: { url: 'db://x' },
    secrets: { TOKEN: 't' },
    tenant: 'acme',
    package: 'shop',
    version: '1.2.3',
    generation: 9,
  })
  const run = await kit.run(flow)
  t.same(run.outputs.a, {
    attempt: 1,
    idempotencyKey: 'test-1::flow::a',
    tenant: 'acme',
    package: 'shop',
    version: '1.2.3',
    run: 'test-1',
    generation: 9,
    left: 5_000,
    isAborted: false,
    retries: 3,
    client: 'db://x#t',
  })
  t.equal(run.id, 'test-1')
  t.match(run.logs, [{ level: 'warn', task: 'a', message: 'careful', fields: { n: 1 } }])
  t.match(kit.logs, [{ task: null, message: 'set up', fields: { tenant: 'acme' } }, {}])
  t.same(
    run.progress.map(({ task, fraction, note }) => [task, fraction, note]),
    [
      ['a', 0.5, 'half way'],
      ['a', 0, null],
    ],
  )
})

t.test('a task calls its own package, and others that the test answers for', async (t) => {
  const asked: unknown[] = []
  const flow = workflow('flow', { input: z.string() }).task('calls', {
    timeout: '2h',
    run: async (_, { invoke, input }) => {
      try {
        return await invoke(input, { n: 20 }, { version: '^1.0.0' })
      } catch (error) {
        const { code, message } = error as { code?: string; message: string }
        return { code: code ?? null, message }
      }
    },
  })
  const helper = workflow('helper')
    .task('half', { run: (_, { input }) => (input as { n: number }).n / 2 })
    .task('fails', {
      retry: { attempts: 2, delay: '1h' },
      run: (): never => {
        throw new Error('no luck')
      },
    })
  const helpers = workflow('only').task('half', {
    retry: { attempts: 2, delay: '1h' },
    run: (_, { input, attempt }) => {
      if (attempt === 1) throw new Error('again')
      return (input as { n: number }).n / 2
    },
  })
  const definition = definePackage({ workflows: [flow, helper, helpers] })
  await using kit = await testPackage(definition, {
    package: 'own',
    version: '1.2.0',
    invoke: (namespace, input, { version }) => {
      asked.push([namespace, input, version])
      if (namespace.includes('down')) throw Object.assign(new Error('down'), { code: 'DOWN' })
      return { rows: [1, undefined] }
    },
  })
  const call = async (namespace: string): Promise<unknown> =>
    (await kit.run(flow, namespace)).outputs.calls
  t.same(await call('public::own::only'), { half: 10 }, 'after an hour that nobody waited')
  t.ok(kit.clock.now() - START >= 3_600_000)
  t.match(await call('public::own::helper'), { code: 'TASK_FAILED', message: /no luck/ })
  t.match(await call('public::own::hepler'), { code: 'UNKNOWN_WORKFLOW' })
  t.match(await call('no namespace'), { code: 'NAMESPACE_INVALID' })
  t.match(await call('acme::own::only'), { code: 'UNKNOWN_PACKAGE' })
  t.same(await call('public::other::w::t'), { rows: [1, null] })
  t.match(await call('public::down::w'), { code: 'DOWN', message: 'down' })
  t.same(asked, [
    ['public::other::w::t', { n: 20 }, '^1.0.0'],
    ['public::down::w', { n: 20 }, '^1.0.0'],
  ])

  await using strict = await testPackage(definition, { package: 'own', version: '2.0.0' })
  const { outputs } = await strict.run(flow, 'public::own::only')
  t.match(outputs.calls, { code: 'NO_MATCHING_VERSION', message: /\^1\.0\.0.*2\.0\.0/ })
  const other = await strict.run(flow, 'public::other::w')
  t.match(other.outputs.calls, { code: 'UNKNOWN_PACKAGE' })
})

t.test('a task that waits for its own package for longer than its timeout times out', async (t) => {
  const flow = workflow('flow').task('calls', {
    run: (_, { invoke }) => invoke('public::own::slow'),
  })
  const slow = workflow('slow').task('a', { retry: { attempts: 2, delay: '30s' }, run: flaky(1) })
  const slower = workflow('slower').task('a', {
    retry: { attempts: 4, delay: '25s' },
    run: flaky(3),
  })
  const waits = workflow('waits').task('calls', {
    run: (_, { invoke }) => invoke('public::own::slower'),
  })
  const definition = definePackage({ workflows: [flow, slow, slower, waits] })
  await using kit = await testPackage(definition, { package: 'own' })
  t.same((await kit.run(flow)).output, { calls: { a: { calls: 2 } } })
  const run = await kit.run(waits)
  t.equal(run.error?.code, 'TASK_TIMEOUT')
  t.equal(run.endedAt - run.startedAt, 60_000)
})

t.test('what a task calls ends with it, and it calls nothing afterwards', async (t) => {
  const reasons: string[] = []
  const late = Promise.withResolvers<unknown>()
  const hangs = workflow('hangs').task('hangs', {
    run: (_, { signal }) =>
      new Promise<number>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push((signal.reason as Error).message)
          reject(signal.reason)
        })
      }),
  })
  const waits = workflow('waits').task('waits', {
    timeout: '1s',
    retry: { attempts: 2 },
    run: (_, { invoke }) => invoke('public::own::hangs'),
  })
  const leaves = workflow('leaves').task('leaves', {
    run: async (_, { invoke }) => {
      const left = [invoke('public::own::hangs'), invoke('public::other::w')]
      void Promise.allSettled(left).then(async (ended) => {
        const [then] = await Promise.allSettled([invoke('public::own::hangs')])
        late.resolve([...ended, then])
      })
      return 'gone'
    },
  })
  const definition = definePackage({ workflows: [hangs, waits, leaves] })
  await using kit = await testPackage(definition, {
    package: 'own',
    invoke: () => new Promise<never>(() => {}),
  })
  const running = kit.run(waits)
  for (const attempt of [1, 2]) {
    await kit.begun('hangs')
    await kit.clock.advance(1_000)
    t.equal(reasons.length, attempt)
  }
  t.equal((await running).error?.code, 'TASK_TIMEOUT')
  t.match(reasons, [/was ended: the deadline has passed/, /was ended: the deadline has passed/])
  t.equal((await kit.run(leaves)).output?.leaves, 'gone')
  t.match(await late.promise, [
    { reason: { code: 'TASK_ABORTED' } },
    { reason: { code: 'TASK_ABORTED' } },
    { reason: { code: 'TASK_ABORTED', message: /the task that called has ended/ } },
  ])
})

t.test('a signal cancels a run: what runs is aborted, what waits never comes', async (t) => {
  const reasons: string[] = []
  const flow = workflow('flow')
    .task('hangs', {
      run: (_, { signal }) =>
        new Promise<number>(() => {
          signal.addEventListener('abort', () => reasons.push((signal.reason as Error).message))
        }),
    })
    .task('after', { after: ['hangs'], run: () => 1 })
  await using kit = await testPackage(definePackage({ workflows: [flow] }))
  const stop = new AbortController()
  const running = kit.run(flow, undefined, { signal: stop.signal })
  await kit.begun('hangs')
  stop.abort(new Error('enough'))
  const run = await running
  t.equal(run.status, 'cancelled')
  t.match(run.error, { code: 'TASK_ABORTED', message: /enough/ })
  t.match(run.attempts, [{ task: 'hangs', outcome: 'cancelled', error: { code: 'TASK_ABORTED' } }])
  t.match(reasons, [/enough/])
  const never = await kit.run(flow, undefined, { signal: stop.signal })
  t.match([never.status, never.attempts], ['cancelled', []])
})

t.test('teardown gets what setup returned, after what still ran was cancelled', async (t) => {
  const order: string[] = []
  const flow = workflow('flow').task('hangs', {
    run: (_, { signal }) =>
      new Promise<number>(() => signal.addEventListener('abort', () => order.push('aborted'))),
  })
  const definition = definePackage({
    workflows: [flow],
    setup: async () => ({ name: 'pool' }),
    probe: ({ name }) => void order.push(`probed ${name}`),
    teardown: async ({ name }) => void order.push(`closed ${name}`),
  })
  const kit = await testPackage(definition)
  const running = kit.run(flow)
  await kit.begun('hangs')
  await Promise.all([kit.close(), kit.close()])
  t.same(order, ['probed pool', 'aborted', 'closed pool'])
  t.equal((await running).status, 'cancelled')
  t.equal((await failure(kit.run(flow))).code, 'EXECUTOR_CLOSING')
})

t.test('what an executor would refuse is refused', async (t) => {
  const flow = workflow('flow').task('a', { run: () => 1 })
  const torn: unknown[] = []
  const setUpFails = definePackage({
    workflows: [flow],
    setup: () => {
      throw new Error('no database')
    },
  })
  const probeFails = definePackage({
    workflows: [flow],
    setup: () => 'pool',
    probe: () => Promise.reject(new Error('no answer')),
    teardown: (resources) => {
      torn.push(resources)
      throw new Error('nor this')
    },
  })
  const wants = definePackage({
    workflows: [flow],
    config: z.object({ url: z.string() }),
    secrets: ['TOKEN'],
  })
  const secrets = { TOKEN: 't' }
  const cyclic = workflow('flow').task('a', { run: () => 1 })
  const unknown = {
    ...cyclic,
    tasks: cyclic.tasks.map((task) => ({ ...task, options: { after: ['aa'] } })),
  }
  const refusals = await Promise.all([
    failure(testPackage(setUpFails)),
    failure(testPackage(probeFails)),
    failure(testPackage(wants)),
    failure(testPackage(wants, { secrets })),
    failure(testPackage(wants, { secrets, config: { url: 7 } })),
    failure(testPackage(definePackage({ workflows: [unknown] }))),
    failure(testPackage(definePackage({ workflows: [] }))),
    // @ts-expect-error: not what definePackage() returned
    failure(testPackage(flow)),
    // @ts-expect-error: no such option
    failure(testPackage(wants, { secret: secrets })),
    failure(testPackage(wants, { version: 'v1' })),
    failure(testPackage(wants, { tenant: 'A' })),
  ])
  t.same(
    refusals.map(({ code }) => code),
    [
      'SETUP_FAILED',
      'PROBE_FAILED',
      'CONFIG_MISSING',
      'CONFIG_MISSING',
      'CONFIG_MISSING',
      'GRAPH_INVALID',
      'DEFINITION_INVALID',
      'DEFINITION_INVALID',
      'OPTION_INVALID',
      'VERSION_INVALID',
      'NAME_INVALID',
    ],
  )
  t.match(refusals[0]?.message, /no database/)
  t.match(refusals[0]?.details['stack'], /test-package\.test/)
  t.match(refusals[2]?.message, /secret TOKEN/)
  t.match(refusals[4]?.message, /url/)
  t.match(refusals[8]?.message, /did you mean secrets/)
  t.same(torn, ['pool'], 'a probe that failed gives its resources back')
})
