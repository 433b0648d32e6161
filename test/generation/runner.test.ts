import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { runningTask } from '../../src/hosting/running-task.ts'
import type { StandardSchema } from '../../src/sdk/standard-schema.ts'
import type { TaskContext } from '../../src/sdk/context.ts'
import { until } from '../helpers/until.ts'
import { type InProcess, runInProcess, stopTime } from './thread-parts.ts'

async function settled(fake: InProcess, count: number): Promise<void> {
  await until(() => Object.keys(fake.answers()).length >= count, `${count} answers`)
}

t.test('a batch is begun in order and answered in one message', async (t) => {
  stopTime(t)
  const order: unknown[] = []
  const fake = runInProcess({
    a: (_, { input }) => order.push(input),
    b: async (_, { input }) => order.push(input),
  })
  fake.hand(['a', '{"input":1}'], ['b', '{"input":2}'], ['a', '{"input":3}'])
  t.same(order, [1, 2, 3])
  await settled(fake, 3)
  t.same(fake.port.results, [[1, 0, '1', 2, '3', 1, '2']])
  t.equal(fake.slots.begunCount, 3)
})

t.test('B1: a request that was taken back is passed over and not answered', async (t) => {
  const order: unknown[] = []
  const fake = runInProcess({ a: (_, { input }) => void order.push(input) })
  fake.slots.fill(0, 1, 0, 1, 1)
  fake.slots.fill(1, 2, 0, 1, 1)
  fake.slots.revoke(0)
  fake.runner.accept([0, '{"input":0}', 1, '{"input":1}'])
  await settled(fake, 1)
  t.same(order, [1])
  t.same(fake.port.results, [[1, 1, 'null']])
})

t.test('B2: after a long call the thread goes through its loop before the next', async (t) => {
  const block = stopTime(t)
  const order: string[] = []
  const fake = runInProcess({
    long: () => {
      block(3)
      order.push('long')
    },
    short: () => void order.push('short'),
  })
  fake.hand(['long', ''], ['short', ''], ['short', ''])
  t.same(order, ['long'], 'the turn is over')
  await settled(fake, 3)
  t.same(order, ['long', 'short', 'short'])
})

t.test('B2: a kind that was long lately begins only when all finished is sent', async (t) => {
  const block = stopTime(t)
  const fake = runInProcess({
    long: () => {
      block(3)
      return fake.port.results.length
    },
    short: () => 'short',
  })
  fake.hand(['long', ''])
  await settled(fake, 1)
  fake.hand(['short', ''], ['long', ''], ['short', ''])
  t.same(fake.answers()[1], undefined, 'the long one waits for the next turn')
  await settled(fake, 3)
  const sentBefore = Number(fake.answers()[1]?.slice(3))
  t.ok(sentBefore >= 2, 'the answer before it was under way when it began')
})

t.test('R1: results of one turn travel together, and a batch is acknowledged once', async (t) => {
  stopTime(t)
  const fake = runInProcess({ a: () => 1, late: () => setImmediate(2) })
  fake.hand(['a', ''], ['late', ''], ['a', ''])
  await settled(fake, 3)
  t.same(fake.port.results[0], [1, 0, '1', 2, '1'])
  t.same(fake.port.results[1], [0, 1, '2'])
})

t.test('R2: during a row of calls that take long together finished ones are sent', async (t) => {
  const block = stopTime(t)
  const fake = runInProcess({ a: () => block(0.2) })
  fake.hand(...Array.from({ length: 20 }, () => ['a', ''] as const))
  await settled(fake, 20)
  t.ok(fake.port.results.length >= 7, `${fake.port.results.length} messages`)
})

t.test('two batches on their way are served one after the other', async (t) => {
  const block = stopTime(t)
  const order: unknown[] = []
  const fake = runInProcess({
    long: (_, { input }) => {
      block(2)
      order.push(input)
    },
  })
  fake.slots.fill(0, 1, 0, 1, 1)
  fake.slots.fill(1, 2, 0, 1, 1)
  fake.slots.fill(2, 3, 0, 1, 1)
  fake.runner.accept([0, '{"input":0}', 1, '{"input":1}'])
  fake.runner.accept([2, '{"input":2}'])
  await settled(fake, 3)
  t.same(order, [0, 1, 2])
  const acknowledged = fake.port.results.reduce((sum, [count]) => sum + Number(count), 0)
  t.equal(acknowledged, 2)
})

const REFUSED: Readonly<Record<string, readonly [string, RegExp]>> = {
  '{': ['INPUT_NOT_JSON', /JSON/],
  '[]': ['INPUT_INVALID', /takes an object/],
  '7': ['INPUT_INVALID', /takes an object/],
  '{"imput":1}': ['INPUT_INVALID', /"imput" is unknown.*did you mean/],
  '{"deps":[]}': ['INPUT_INVALID', /must hold first/],
  '{"deps":{"x":1}}': ['INPUT_INVALID', /lacks first/],
  null: ['INPUT_INVALID', /must hold first/],
}
for (const [body, [code, message]] of Object.entries(REFUSED)) {
  t.test(`the body ${body} is refused before the task begins`, async (t) => {
    let ran = false
    const fake = runInProcess({
      a: {
        after: ['first'],
        run: () => {
          ran = true
        },
      },
    })
    fake.hand(['a', body])
    await settled(fake, 1)
    const [, text = ''] = /^failed (.*)$/.exec(fake.answers()[0] ?? '') ?? []
    t.match(JSON.parse(text), { code, message, terminal: true })
    t.notOk(ran)
  })
}

t.test('a body may be empty, null or without dependencies', async (t) => {
  const fake = runInProcess({ a: (deps, ctx) => [deps, ctx.input ?? 'none'] })
  fake.hand(['a', ''], ['a', 'null'], ['a', '{"deps":{"x":1}}'])
  await settled(fake, 3)
  t.same(Object.values(fake.answers()), Array(3).fill('ok [{},"none"]'))
})

t.test('dependencies are given by name', async (t) => {
  const fake = runInProcess({ a: { after: ['x'], run: ({ x }) => x } })
  fake.hand(['a', '{"deps":{"x":{"y":1}},"input":null}'])
  await settled(fake, 1)
  t.equal(fake.answers()[0], 'ok {"y":1}')
})

const schema = (validate: StandardSchema['~standard']['validate']): StandardSchema => ({
  '~standard': { version: 1, vendor: 'test', validate },
})

t.test('the input passes its schema first, a synchronous or an asynchronous one', async (t) => {
  const doubled = schema((value) => ({ value: Number(value) * 2 }))
  const refuses = schema(async () => ({
    issues: [{ message: 'too small', path: ['a', { key: 0 }] }],
  }))
  const breaks = schema(() => {
    throw new Error('schema broke')
  })
  const run = (_: unknown, { input }: TaskContext): unknown => input
  const fake = runInProcess({
    a: { input: doubled, run },
    b: { input: refuses, run },
    c: { input: breaks, run },
  })
  fake.hand(['a', '{"input":4}'], ['b', '{"input":4}'], ['c', '{"input":4}'])
  await settled(fake, 3)
  const answers = fake.answers()
  t.equal(answers[0], 'ok 8')
  t.match(answers[1], /INPUT_INVALID.*a\.0: too small/)
  t.match(answers[2], /TASK_FAILED.*schema broke/)
})

t.test('the limit of a result counts bytes', async (t) => {
  const fake = runInProcess(
    { a: (_, { input }) => 'ü'.repeat(Number(input)) },
    { maxResultBytes: 100 },
  )
  fake.hand(['a', '{"input":49}'], ['a', '{"input":50}'])
  await settled(fake, 2)
  t.match(fake.answers()[0], /^ok /)
  t.match(fake.answers()[1], /RESULT_TOO_LARGE.*"bytes":102,"limit":100/)
})

t.test('abort reaches the signal of that call, also when it is asked for later', async (t) => {
  // Both are to begin in one turn, however slow the machine is.
  stopTime(t)
  const contexts: TaskContext[] = []
  const fake = runInProcess({
    early: (_, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      ),
    late: async (_, ctx) => {
      contexts.push(ctx)
      await setImmediate()
      ctx.signal.throwIfAborted()
    },
  })
  fake.hand(['early', ''], ['late', ''])
  fake.runner.abort(0, 99, 'of another call')
  fake.runner.abort(0, 100, 'enough')
  fake.runner.abort(1, 101, 'enough')
  fake.runner.abort(5, 1, 'nobody')
  await settled(fake, 2)
  for (const slot of [0, 1]) t.match(fake.answers()[slot], /^failed .*enough/)
  t.equal(contexts[0]?.signal.aborted, true)
})

t.test('the context says what runs, and where', async (t) => {
  const fake = runInProcess({
    a: {
      timeoutMs: 5_000,
      run: (_, ctx) => ({
        ...Object.fromEntries(
          (['attempt', 'run', 'idempotencyKey', 'tenant', 'package', 'version'] as const).map(
            (key) => [key, ctx[key]],
          ),
        ),
        generation: ctx.generation,
        config: ctx.config,
        resources: ctx.resources,
        left: Math.round((ctx.deadline - Date.now()) / 1_000),
        running: runningTask.getStore(),
      }),
    },
  })
  fake.hand(['a', ''])
  await settled(fake, 1)
  t.same(JSON.parse(fake.answers()[0]?.slice(3) ?? ''), {
    attempt: 2,
    run: 'boot-9',
    idempotencyKey: 'boot-9::w::a',
    tenant: 'public',
    package: 'p',
    version: '1.2.3',
    generation: 7,
    config: { a: 1 },
    resources: 'resources',
    left: 5,
    running: 'w::a',
  })
})

t.test('a foreign thenable answers once', async (t) => {
  const fake = runInProcess({
    twice: () => ({
      // oxlint-disable-next-line unicorn/no-thenable
      then(resolve: (value: unknown) => void) {
        resolve(1)
        resolve(2)
      },
    }),
    trap: () => ({
      // oxlint-disable-next-line unicorn/no-thenable
      get then() {
        throw new Error('trap')
      },
    }),
  })
  fake.hand(['twice', ''], ['trap', ''])
  await settled(fake, 2)
  t.equal(fake.answers()[0], 'ok 1')
  t.match(fake.answers()[1], /TASK_FAILED.*trap/)
  await setImmediate()
  t.equal(fake.port.results.flatMap((message) => message.slice(1)).length, 4)
})

t.test('a task may take progress and invoke out of its context', async (t) => {
  const seen: unknown[] = []
  const fake = runInProcess(
    {
      a: (_, { progress, invoke }) => {
        progress(0.5)
        return invoke('public::p::w', 1)
      },
    },
    {
      surroundings: {
        progress: (...report) => void seen.push(report),
        invoke: async (...call) => call,
      },
    },
  )
  fake.hand(['a', ''])
  await settled(fake, 1)
  t.same(seen, [[0, 100, 0.5, null]])
  t.equal(fake.answers()[0], 'ok [0,100,"public::p::w",1,null]')
})
