/** Inputs and results that are no JSON, or too much of it (hazard 23). */

import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
const ground = await openGround(t, {
  keepWarmMs: 0,
  removeAfterMs: 0,
  maxPayloadBytes: 100_000,
})

const NOT_JSON = {
  'a cycle': ['const a = {}; a.a = a; return a', /circular/i],
  'a BigInt': ['return 1n', /BigInt/],
  'a BigInt inside': ['return { n: 1n }', /BigInt/],
  'a function': ['return () => 1', /function/],
  'a symbol': ['return Symbol("x")', /symbol/],
  'a toJSON that throws': ['return { toJSON() { throw new Error("no") } }', /no/],
  'a Proxy that throws': [
    'return new Proxy({}, { ownKeys() { throw new Error("trap") } })',
    /trap/,
  ],
} as const

for (const [what, [bad, message]] of Object.entries(NOT_JSON)) {
  t.test(`${what} as a result is NOT_SERIALISABLE and costs no thread`, (t) =>
    ground.suffer(t, { bad, code: 'NOT_SERIALISABLE', message }),
  )
}

t.test('a thenable whose then throws fails like a task that throws', (t) =>
  ground.suffer(t, {
    tasks: {},
    before: `const trap = { get then() { throw new Error('then trap') } }`,
    bad: 'return trap',
    code: 'TASK_FAILED',
    message: /then trap/,
  }),
)

t.test('a thenable that answers several times is answered once', (t) =>
  ground.suffer(t, {
    bad: 'return { then(resolve, reject) { resolve(1); resolve(2); reject(3); throw 4 } }',
    value: 1,
  }),
)

t.test('what a synchronous task returns is read with the same care', async (t) => {
  const name = 'plain'
  ground.workspace.writePackage({
    name,
    tasks: { good: 'return "good"' },
    files: {
      'index.js': `import { definePackage, workflow } from 'headgate/sdk'
        const two = { then(resolve) { resolve('once'); resolve('twice') } }
        export default definePackage({ workflows: [workflow('w')
          .task('trap', { run: () => ({ get then() { throw new Error('then trap') } }) })
          .task('two', { run: () => two })
          .task('good', { run: () => 'good' })] })`,
    },
  })
  await ground.executor.reconcile()
  t.match(await ground.fails(name, 'trap'), { code: 'TASK_FAILED', message: /then trap/ })
  t.equal(await ground.call(name, 'two'), 'once')
  const goods = Array.from({ length: 20 }, () => ground.call(name, 'good'))
  t.same(await Promise.all(goods), Array(20).fill('good'))
  t.equal(ground.generation(name).exits, 0)
})

t.test('undefined becomes null', (t) => ground.suffer(t, { bad: 'return undefined', value: null }))

t.test('NaN, dates and undefined inside become what JSON makes of them', (t) =>
  ground.suffer(t, {
    bad: 'return { nan: NaN, at: new Date(0), gone: undefined, list: [undefined] }',
    value: { nan: null, at: '1970-01-01T00:00:00.000Z', list: [null] },
  }),
)

t.test('a key __proto__ in a result is a key like others', async (t) => {
  const name = await ground.drop({
    tasks: { bad: `return JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')` },
  })
  const answer = (await ground.call(name, 'bad')) as object
  t.ok(Object.hasOwn(answer, '__proto__'))
  t.notOk(Reflect.has({}, 'polluted'))
})

t.test('a result over the limit is RESULT_TOO_LARGE, with its size', (t) =>
  ground.suffer(t, {
    bad: 'return "x".repeat(100_000)',
    code: 'RESULT_TOO_LARGE',
    message: /100002 bytes, over the limit of 100000 bytes/,
  }),
)

t.test('the limit counts bytes, not characters', (t) =>
  ground.suffer(t, {
    bad: 'return "ü".repeat(50_000)',
    code: 'RESULT_TOO_LARGE',
    message: /100002/,
  }),
)

t.test('a result just within the limit is taken', (t) =>
  ground.suffer(t, { bad: 'return "ü".repeat(49_999)', value: 'ü'.repeat(49_999) }),
)

t.test('a result of 40 MB never leaves its thread', (t) =>
  ground.suffer(t, { bad: 'return "x".repeat(4e7)', code: 'RESULT_TOO_LARGE' }),
)

// V8 makes such a text in one allocation when it is read, and ends the process where that does not fit.
const HUGE = {
  'a result': { bad: 'return "x".repeat(1e8)', code: 'RESULT_TOO_LARGE' },
  'a text deep in a result': {
    bad: 'return { rows: [{ text: "\u20ac".repeat(1e8) }] }',
    code: 'RESULT_TOO_LARGE',
  },
  'what toJSON() makes': {
    bad: 'return { toJSON: () => "x".repeat(1e8) }',
    code: 'RESULT_TOO_LARGE',
  },
  'the message of an error': {
    bad: 'throw new Error("x".repeat(1e8))',
    code: 'TASK_FAILED',
    message: /a text of 100000000 characters/,
  },
  'the data of an error': {
    bad: 'throw Object.assign(new Error("with data"), { data: "x".repeat(1e8) })',
    code: 'TASK_FAILED',
    message: /with data/,
  },
  'a line of the log': {
    bad: 'ctx.log.info({ text: "x".repeat(1e8) }, "y".repeat(1e8)); return "logged"',
    value: 'logged',
  },
  'a note of progress': { bad: 'ctx.progress(1, "x".repeat(1e8)); return "noted"', value: 'noted' },
  'the input of another call': {
    bad: 'return ctx.invoke("public::neighbour::w::echo", { input: "x".repeat(1e8) })',
    code: 'TASK_FAILED',
    message: /payload of more than 100000 bytes/,
  },
}

for (const [what, one] of Object.entries(HUGE)) {
  t.test(`${what} that is larger than the heap costs one call`, (t) =>
    ground.suffer(t, { headgate: { resourceLimits: { maxOldGenerationSizeMb: 64 } }, ...one }),
  )
}

t.test('an input over the limit is PAYLOAD_TOO_LARGE and reaches no thread', (t) =>
  ground.suffer(t, {
    bad: 'process.exit(1)',
    input: 'x'.repeat(100_000),
    code: 'PAYLOAD_TOO_LARGE',
  }),
)

t.test('an input that is no JSON reaches no task', async (t) => {
  const name = await ground.drop({ tasks: { bad: 'process.exit(1)', good: 'return "good"' } })
  const call = (body: string): Promise<unknown> =>
    ground.executor.invokeJson(`public::${name}::w::bad`, body)
  await t.rejects(call('{'), { code: 'INPUT_NOT_JSON' })
  await t.rejects(call('{"input":1}}'), { code: 'INPUT_NOT_JSON' })
  await t.rejects(call('[]'), { code: 'INPUT_INVALID' })
  await t.rejects(call('{"inputs":1}'), { code: 'INPUT_INVALID', message: /did you mean/ })
  t.equal(await ground.call(name, 'good'), 'good')
  t.equal(ground.generation(name).exits, 0)
})

t.test('an input deeper than any stack is an ordinary failure', async (t) => {
  const name = await ground.drop({ tasks: { bad: 'return 1', good: 'return "good"' } })
  const deep = `{"input":${'['.repeat(40_000)}${']'.repeat(40_000)}}`
  const answer = await ground.executor
    .invokeJson(`public::${name}::w::bad`, deep)
    .then(({ json }) => json)
    .catch(({ code }: { code: string }) => code)
  t.match(answer, /^(1|INPUT_NOT_JSON)$/)
  t.equal(await ground.call(name, 'good'), 'good')
})

t.test('progress, calls and logs with nonsense in them cost no thread', (t) =>
  ground.suffer(t, {
    bad: `ctx.progress(NaN, 7)
      ctx.progress('half', { toString() { throw 1 } })
      ctx.progress(Infinity)
      ctx.log.info({ big: 1n }, 'unreadable')
      const errors = []
      for (const call of [
        () => ctx.invoke(7, 1),
        () => ctx.invoke('nonsense'),
        () => ctx.invoke('other::p::w'),
        () => ctx.invoke('public::neighbour::w::echo', 1n),
        () => ctx.invoke('public::neighbour::w::echo', {}, { version: 9 }),
      ]) await call().catch((error) => errors.push(error.code ?? error.name))
      return errors`,
    value: [
      'NAMESPACE_INVALID',
      'NAMESPACE_INVALID',
      'UNKNOWN_PACKAGE',
      'INPUT_NOT_JSON',
      'NO_MATCHING_VERSION',
    ],
  }),
)
