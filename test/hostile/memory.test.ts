/** Code that takes more than its share: memory, output, messages (hazards 10, 21, 22, 24). */

import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import t from 'tap'
import type { PackageLogLine } from '../../src/executor/api.ts'
import { refuseLeaks } from '../helpers/leaks.ts'
import { until } from '../helpers/until.ts'
import { openGround } from './ground.ts'

refuseLeaks(t)
const warnings: { readonly dropped?: number }[] = []
const ground = await openGround(t, {
  keepWarmMs: 0,
  removeAfterMs: 0,
  logger: {
    debug: () => {},
    info: () => {},
    warn: (fields) => warnings.push(fields),
    error: () => {},
  },
})

t.test('running out of memory in small pieces ends the thread with its reason', (t) =>
  ground.suffer(t, {
    headgate: { resourceLimits: { maxOldGenerationSizeMb: 32 } },
    bad: 'const all = []; for (;;) all.push({ n: all.length, s: String(all.length) })',
    code: 'WORKER_LOST',
    message: /out of memory/,
    exits: 1,
  }),
)

t.test('a stack overflow is an ordinary failure', (t) =>
  ground.suffer(t, {
    bad: 'const deeper = () => deeper() + 1; return deeper()',
    code: 'TASK_FAILED',
    message: /call stack/i,
  }),
)

t.test('open files of a lost thread are closed', async (t) => {
  const before = readdirSync('/proc/self/fd').length
  const name = await ground.drop({
    tasks: {
      bad: `const { openSync } = await import('node:fs')
        for (let i = 0; i < 200; i++) openSync(new URL('package.json', import.meta.url))
        process.exit(0)`,
      good: 'return "good"',
    },
  })
  t.equal((await ground.fails(name, 'bad')).code, 'WORKER_LOST')
  t.equal(await ground.call(name, 'good'), 'good')
  await until(() => readdirSync('/proc/self/fd').length < before + 60, 'files are closed')
})

t.test('a flood on stdout is cut to a few lines and counted', async (t) => {
  const name = await ground.drop({
    tasks: {
      flood: `for (let i = 0; i < 100_000; i++) console.log('line %d', i)
        console.log('y'.repeat(10_000))
        return "done"`,
      quiet: `await new Promise((resolve) => setTimeout(resolve, 150))
        process.stderr.write('a line of ')
        process.stderr.write('two parts\\n')`,
    },
  })
  const lines: PackageLogLine[] = []
  const off = ground.executor.events.on('log', (line) => void lines.push(line))
  t.equal(await ground.call(name, 'flood'), 'done')
  const last = ground.executor.events.once('log', ({ message }) => message.startsWith('a line'))
  await ground.call(name, 'quiet')
  t.match(await last, {
    level: 'stderr',
    package: name,
    task: 'w::quiet',
    message: 'a line of two parts',
  })
  off()
  const flood = lines.filter(({ level }) => level === 'stdout')
  t.match(flood[0], { task: 'w::flood', message: 'line 0' })
  t.ok(flood.length >= 200 && flood.length < 5_000, `${flood.length} of 100001 lines`)
  const dropped = warnings.reduce((sum, fields) => sum + (fields.dropped ?? 0), 0)
  t.equal(dropped + flood.length, 100_001, 'what was dropped is counted')
})

const FLOODS = {
  'its own channel of the Worker': `const { parentPort } = await import('node:worker_threads')
    for (let i = 0; i < 300_000; i++) parentPort.postMessage(i)
    await new Promise(() => {})`,
  'every port it can reach': `const { MessagePort } = await import('node:worker_threads')
    const post = MessagePort.prototype.postMessage
    MessagePort.prototype.postMessage = function () {
      MessagePort.prototype.postMessage = post
      for (let i = 0; i < 100_000; i++) post.call(this, { type: 'nonsense' })
    }
    ctx.invoke('public::neighbour::w::echo')
    await new Promise(() => {})`,
}

for (const [what, bad] of Object.entries(FLOODS)) {
  t.test(`a flood of messages on ${what} costs the thread`, async (t) => {
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    await ground.suffer(t, {
      bad,
      code: 'WORKER_LOST',
      message: /outside its lane|no known form/,
      exits: 1,
    })
    delay.disable()
    t.comment(`worst stall of the host ${Math.round(delay.max / 1e6)} ms`)
  })
}

t.test('a thread that floods again and again is ended again and again', async (t) => {
  const name = await ground.drop({
    tasks: {
      bad: `const { parentPort } = await import('node:worker_threads')
        for (let i = 0; i < 100; i++) parentPort.postMessage(i)
        await new Promise(() => {})`,
    },
  })
  for (let round = 1; round <= 3; round++) {
    t.equal((await ground.fails(name, 'bad')).code, 'WORKER_LOST')
    t.equal(ground.generation(name).exits, round)
  }
})

t.test('progress in a tight loop is sent now and then', (t) =>
  ground.suffer(t, {
    bad: 'for (let i = 0; i < 200_000; i++) ctx.progress(i / 200_000, `row ${i}`); return "done"',
    value: 'done',
  }),
)

t.test('only the thread that floods is ended, not its sisters', async (t) => {
  // Each says on which thread it has begun: one that is slow to wake gives its call to another.
  const gate = (task: string, sign: string): string => `
    const { parentPort, threadId } = await import('node:worker_threads')
    const channel = new BroadcastChannel('flood')
    const opened = new Promise((resolve) => {
      channel.onmessage = ({ data }) => data === '${sign}' && resolve()
    })
    channel.postMessage(['${task}', threadId])
    await opened
    channel.close()`
  const name = await ground.drop({
    headgate: { threads: 3 },
    tasks: {
      hold: `${gate('hold', 'end')}
        return threadId`,
      bad: `${gate('bad', 'flood')}
        for (let i = 0; i < 100; i++) parentPort.postMessage(i)
        await new Promise(() => {})`,
    },
  })
  const channel = new BroadcastChannel('flood')
  const begun: [string, number][] = []
  channel.onmessage = (event) => begun.push((event as MessageEvent).data as [string, number])
  const bad = ground.fails(name, 'bad')
  const ends = Promise.allSettled([ground.call(name, 'hold'), ground.call(name, 'hold')])
  await until(() => begun.length === 3, 'all to begin')
  channel.postMessage('flood')
  t.equal((await bad).code, 'WORKER_LOST')
  channel.postMessage('end')
  const held = await ends
  channel.close()
  const flooded = begun.find(([task]) => task === 'bad')?.[1]
  const sisters = begun.flatMap(([, thread]) => (thread === flooded ? [] : thread))
  t.ok(sisters.length > 0, 'some run beside it')
  const values = held.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
  t.same(values.sort(), sisters.sort(), 'they are answered')
  t.equal(ground.generation(name).exits, 1)
})
