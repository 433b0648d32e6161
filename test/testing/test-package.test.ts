import { readFile } from 'node:fs/promises'
import t from 'tap'
import { z } from 'zod'
import { definePackage, environment, TerminalError, workflow } from '../../src/sdk/index.ts'
import { testPackage } from '../../src/testing/index.ts'
import { failure } from '../helpers/failure.ts'
import { flaky, START } from './flaky.ts'

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
