/** Code that does not give its thread back (hazards 5 and 6). */

import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
const ground = await openGround(t, { keepWarmMs: 0, removeAfterMs: 0 })
const short = { timeout: 120 }

const LOOPS = {
  'an infinite loop': 'for (;;);',
  'a catastrophic regular expression': 'return /^(a+)+$/.test("a".repeat(60) + "b")',
  'an endless chain of microtasks': 'for (;;) await null',
  'process.nextTick for ever':
    'const again = () => process.nextTick(again); again(); await new Promise(() => {})',
  'Atomics.wait without end': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'a finally block that loops': 'try { throw 1 } finally { for (;;); }',
}

for (const [what, run] of Object.entries(LOOPS)) {
  t.test(`${what} is ended at its deadline and its thread replaced`, (t) =>
    ground.suffer(t, { bad: { run, options: short }, code: 'TASK_TIMEOUT' }),
  )
}

t.test(
  'what was handed over and not begun moves to the next thread and is answered once',
  async (t) => {
    const name = await ground.drop({
      tasks: {
        bad: { run: 'for (;;);', options: short },
        count: 'return (globalThis.calls = (globalThis.calls ?? 0) + 1)',
      },
    })
    const bad = ground.fails(name, 'bad')
    const others = Array.from({ length: 40 }, () => ground.call(name, 'count'))
    const counts = await Promise.all(others)
    t.equal((await bad).code, 'TASK_TIMEOUT')
    t.same(
      counts,
      Array.from({ length: 40 }, (_, i) => i + 1),
      'all ran on the new thread, once and in order',
    )
    t.match(ground.generation(name), { served: 40, failed: 1, exits: 0, threads: 1 })
  },
)

t.test('a begun neighbour of a blocked call is lost with the thread, once', async (t) => {
  const name = await ground.drop({
    tasks: {
      wait: 'await new Promise(() => {})',
      bad: { run: 'for (;;);', options: short },
      good: 'return "good"',
    },
  })
  let answers = 0
  const neighbour = ground.fails(name, 'wait').finally(() => answers++)
  await ground.call(name, 'good')
  const bad = ground.fails(name, 'bad')
  t.equal((await bad).code, 'TASK_TIMEOUT', 'the guilty one is told of its deadline')
  const lost = await neighbour
  t.match(lost, { code: 'WORKER_LOST', retryable: true, details: { task: 'wait' } })
  t.match(lost.message, /event loop was blocked/)
  t.equal(await ground.call(name, 'good'), 'good')
  t.equal(answers, 1)
})

t.test('a call that honours its signal costs no thread', async (t) => {
  const name = await ground.drop({
    tasks: {
      bad: {
        run: `globalThis.first ??= true
          await new Promise((_, reject) =>
            ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)))`,
        options: short,
      },
      same: 'return globalThis.first',
    },
  })
  t.equal((await ground.fails(name, 'bad')).code, 'TASK_TIMEOUT')
  t.equal(await ground.call(name, 'same'), true, 'the thread lives')
  t.match(ground.generation(name), { exits: 0, threads: 1 })
})

t.test('a call that ignores its signal has its thread replaced before it is ended', async (t) => {
  const name = await ground.drop({
    tasks: {
      bad: { run: 'globalThis.old = true; await new Promise(() => {})', options: short },
      thread: 'return globalThis.old ?? false',
      hold: 'return new Promise((resolve) => setTimeout(resolve, ctx.input, "held"))',
    },
  })
  const bad = ground.fails(name, 'bad')
  const held = ground.call(name, 'hold', 6_500)
  t.equal((await bad).code, 'TASK_TIMEOUT')
  let old = await ground.call(name, 'thread')
  t.equal(old, true, 'until the grace is over the old thread serves')
  while (old === true) old = await ground.call(name, 'thread')
  t.equal(ground.generation(name).threads, 2, 'the new thread serves while the old one ends')
  t.equal(await held, 'held', 'a neighbour on the old thread has the time to finish')
  t.equal(ground.generation(name).exits, 0)
})
