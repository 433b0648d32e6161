/** Code that changes the world it runs in: its own thread's world, and no other. */

import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
const ground = await openGround(t, { keepWarmMs: 0, removeAfterMs: 0 })

t.test('prototypes and clocks changed by a package stay in its own thread', async (t) => {
  const name = await ground.drop({
    tasks: {
      bad: `Object.prototype.polluted = true
        Array.prototype.map = () => 'mapped'
        Date.now = () => 0
        globalThis.mine = true
        process.title = 'taken over'
        process.env.SECRET = 'x'
        return [Date.now(), [1].map(String), ({}).polluted]`,
    },
  })
  const other = await ground.drop({
    tasks: {
      look: `return {
        polluted: 'polluted' in {}, mapped: [1].map((n) => n + 1), year: new Date(Date.now()).getFullYear() > 2000,
        mine: 'mine' in globalThis, env: process.env.SECRET ?? null }`,
    },
  })
  const title = process.title
  t.same(await ground.call(name, 'bad'), [0, 'mapped', true])
  t.same(await ground.call(other, 'look'), {
    polluted: false,
    mapped: [2],
    year: true,
    mine: false,
    env: null,
  })
  t.equal(Reflect.get({}, 'polluted'), undefined)
  t.ok(Date.now() > 1e12)
  t.equal(process.title, title)
  t.equal(process.env['SECRET'], undefined)
  t.equal(await ground.call(name, 'bad').then(() => 'answers'), 'answers')
})

t.test('a thread whose clock lies answers, and its deadline holds', async (t) => {
  const name = await ground.drop({
    tasks: {
      broken: 'performance.now = () => NaN; return "answered"',
      early: 'performance.now = () => -1e12; return "answered"',
      late: 'performance.now = () => 1e12; return "answered"',
      bad: { run: 'for (;;);', options: { timeout: 120 } },
      good: 'return "good"',
    },
  })
  for (const lie of ['broken', 'early', 'late']) {
    t.equal(await ground.call(name, lie), 'answered')
    t.equal(await ground.call(name, 'good'), 'good', 'and the next call, too')
    t.equal((await ground.fails(name, 'bad')).code, 'TASK_TIMEOUT', lie)
    t.equal(await ground.call(name, 'good'), 'good')
  }
  t.match(ground.generation(name), { exits: 0, threads: 1 })
})

const FORGED = {
  'a result for a slot that holds nothing': '[0, 5, "1"]',
  'a result for a slot that does not exist': '[0, -1, "1"]',
  'a result whose text is none': '[0, slot, { toString: 1 }]',
  'a message of another form': '{ type: "ready", ms: "soon" }',
  'a log line that is none': '{ type: "log", lines: [null], dropped: 0 }',
}

/** Runs `act(post, slot)` with the real lane, which a package can reach by patching MessagePort. */
function withLane(act: string): string {
  return `const { MessagePort } = await import('node:worker_threads')
    const real = MessagePort.prototype.postMessage
    MessagePort.prototype.postMessage = function (message) {
      MessagePort.prototype.postMessage = real
      const post = (forged) => real.call(this, forged)
      const slot = message.slot ?? 0
      ${act}
    }
    ctx.invoke('public::neighbour::w::echo')
    await new Promise(() => {})`
}

for (const [what, forged] of Object.entries(FORGED)) {
  t.test(`${what} costs the thread that sent it`, (t) =>
    ground.suffer(t, { bad: withLane(`post(${forged})`), code: 'WORKER_LOST', exits: 1 }),
  )
}

/** Every text the thread answers with from now on is the input of this call. */
const FORGE = `const { MessagePort } = await import('node:worker_threads')
  const real = MessagePort.prototype.postMessage
  MessagePort.prototype.postMessage = function (message) {
    // Only what carries a result: an acknowledgement may travel alone.
    const forged = Array.isArray(message) && message.length > 2
    real.call(this, forged ? message.toSpliced(2, 1, ctx.input) : message)
  }`

t.test('a fault that is no fault becomes an ordinary failure', async (t) => {
  const name = await ground.drop({ tasks: { bad: `${FORGE}; throw new Error('real')` } })
  for (const forged of ['{', 'null', '7', '{"code":7}', '{"code":"X","message":null}']) {
    const error = await ground.fails(name, 'bad', forged)
    t.match(error, { code: 'TASK_FAILED', message: /cannot be read/ }, forged)
  }
  t.equal(ground.generation(name).exits, 0)
})

t.test('a result that is no JSON does not end the process', async (t) => {
  const name = await ground.drop({ tasks: { bad: `${FORGE}; return 1`, good: 'return "good"' } })
  const answer = await ground.executor.invokeJson(`public::${name}::w::bad`, '{"input":"{"}')
  t.equal(answer.json, '{')
  t.equal(await ground.call('neighbour', 'echo', 1), 1)
})

t.test('a package that replaces JSON answers as before', async (t) => {
  const name = await ground.drop({
    tasks: {
      bad: 'JSON.stringify = () => "{"; JSON.parse = () => 7; return { n: 1 }',
      fails: 'throw new TerminalError("X", "why", { n: 1 })',
      good: 'return ctx.input',
    },
  })
  t.same(await ground.call(name, 'bad'), { n: 1 })
  t.same(await ground.call(name, 'good', { n: 2 }), { n: 2 })
  t.match(await ground.fails(name, 'fails'), { details: { cause: 'X', data: { n: 1 } } })
})

t.test('a package that closes its lane loses its thread, not its service', (t) =>
  ground.suffer(t, {
    bad: withLane('this.close()'),
    code: 'WORKER_LOST',
    exits: 1,
  }),
)
