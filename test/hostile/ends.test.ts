/** Code that ends its thread, or throws what nobody expects (hazards 1 to 4). */

import t from 'tap'
import { until } from '../helpers/until.ts'
import { refuseLeaks } from '../helpers/leaks.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
const ground = await openGround(t, { keepWarmMs: 0, removeAfterMs: 0 })

t.test('process.exit costs the task and its thread, and nothing else', (t) =>
  ground.suffer(t, { bad: 'process.exit(0)', code: 'WORKER_LOST', exits: 1 }),
)

t.test('process.reallyExit is the same', (t) =>
  ground.suffer(t, {
    bad: 'process.reallyExit(7)',
    code: 'WORKER_LOST',
    message: /code: 7/,
    exits: 1,
  }),
)

t.test('an exit handler that loops does not keep the thread', (t) =>
  ground.suffer(t, {
    bad: {
      run: 'process.on("exit", () => { for (;;); }); process.exit(0)',
      options: { timeout: 150 },
    },
    code: 'TASK_TIMEOUT',
  }),
)

t.test('a throw in a timer after the result takes the thread, not the result', async (t) => {
  const name = await ground.drop({
    tasks: {
      bad: 'setTimeout(() => { throw new Error("late") }, 100); return "kept"',
      good: 'return "good"',
    },
  })
  t.equal(await ground.call(name, 'bad'), 'kept')
  await until(() => ground.generation(name).exits === 1, 'the thread has ended')
  t.equal(await ground.call(name, 'good'), 'good')
  t.match(ground.generation(name), { exits: 1, served: 2, failed: 0 })
})

t.test('an unhandled rejection ends the thread and says why', (t) =>
  ground.suffer(t, {
    bad: 'Promise.reject(new Error("nobody waits")); await new Promise(() => {})',
    code: 'WORKER_LOST',
    message: /nobody waits/,
    exits: 1,
  }),
)

t.test('process.abort, chdir and setuid are refused in a thread', (t) =>
  ground.suffer(t, {
    bad: `const codes = []
      for (const act of [() => process.abort(), () => process.chdir('/'), () => process.setuid(0)]) {
        try { act() } catch (error) { codes.push(error.code) }
      }
      return codes`,
    value: Array(3).fill('ERR_WORKER_UNSUPPORTED_OPERATION'),
  }),
)

t.test('a handler that swallows every exception leaves the deadline in force', (t) =>
  ground.suffer(t, {
    bad: {
      run: `process.on('uncaughtException', () => {})
        setTimeout(() => { throw new Error('swallowed') }, 0)
        for (;;) await null`,
      options: { timeout: 150 },
    },
    code: 'TASK_TIMEOUT',
  }),
)

const THROWN = {
  null: ['throw null', /null/],
  undefined: ['throw undefined', /undefined/],
  'a Proxy that throws on every access': [
    `throw new Proxy({}, new Proxy({}, { get() { throw new Error('trap') } }))`,
    /cannot be read/,
  ],
  'an error with throwing getters': [
    `throw Object.defineProperties(new Error('x'), Object.fromEntries(
      ['message', 'name', 'stack', 'code', 'data'].map((key) =>
        [key, { get() { throw new Error('getter') } }])))`,
    /cannot be read/,
  ],
  'a number': ['throw 42', /42/],
  'a symbol': ['throw Symbol("why")', /Symbol\(why\)/],
  'an object without prototype': ['throw Object.create(null)', /cannot be read/],
  'an error with a message of 10 MB': [
    `throw new Error('x'.repeat(1e7))`,
    /^task bad failed: \(a text of 10000000 characters\)$/,
  ],
  'an error with a message of 100 kB': [
    `throw new Error('x'.repeat(1e5))`,
    /^task bad failed: x{4096}$/,
  ],
  'an error with data of 10 MB': [
    `throw new TerminalError('BIG', 'too much', 'x'.repeat(1e7))`,
    /too much/,
  ],
} as const

for (const [what, [bad, message]] of Object.entries(THROWN)) {
  t.test(`throwing ${what} is an ordinary failure`, (t) =>
    ground.suffer(t, { bad, code: 'TASK_FAILED', message }),
  )
}

t.test('class, code and data of a TerminalError reach the caller', async (t) => {
  const name = await ground.drop({
    tasks: { bad: `throw new TerminalError('NO_FLIGHTS', 'none today', { day: 3 })` },
  })
  t.match(await ground.fails(name, 'bad'), {
    code: 'TASK_FAILED',
    details: {
      cause: 'NO_FLIGHTS',
      name: 'TerminalError',
      why: 'none today',
      data: { day: 3 },
      terminal: true,
    },
  })
})

/** Turns of 60 ms of the executor's event loop, until it is told to end. */
function keepBusy(): () => void {
  let isOver = false
  const turn = (): void => {
    if (isOver) return
    for (const end = performance.now() + 60; performance.now() < end; );
    setImmediate(turn)
  }
  turn()
  return () => {
    isOver = true
  }
}

t.test(
  'a thread that ends as it is ready is not served by, however busy the executor',
  async (t) => {
    const rest = keepBusy()
    try {
      const also = 'setup: () => void setImmediate(() => process.exit(1))'
      const name = 'as-it-is-ready'
      ground.workspace.writePackage({ name, tasks: { good: 'return "good"' }, also })
      await ground.executor.reconcile()
      const error = await ground.call(name, 'good').catch((thrown: unknown) => thrown)
      t.match(error, { code: /^(NO_ACTIVE_VERSION|WORKER_LOST|LOAD_FAILED)$/ })
    } finally {
      rest()
    }
  },
)
