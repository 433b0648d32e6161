import t from 'tap'
import { z } from 'zod'
import { definePackage, workflow } from '../../src/sdk/index.ts'
import { testPackage } from '../../src/testing/index.ts'
import { flaky, START } from './flaky.ts'

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
