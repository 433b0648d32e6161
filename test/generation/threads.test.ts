import { existsSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openWarmThread } from '../../src/generation/spare-threads.ts'
import type { ThreadHost } from '../../src/generation/thread-host.ts'
import { refuseLeaks, workerThreads } from '../helpers/leaks.ts'
import type { PackageText } from '../helpers/package-files.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'
import { openHarness } from './harness.ts'

refuseLeaks(t)
const harness = openHarness(t)

const tasks = {
  echo: 'return ctx.input',
  mine: 'return (globalThis.mine ??= Math.random())',
  loop: { run: 'for (;;);', options: { timeout: 100 } },
  wait: 'await new Promise((resolve) => setTimeout(resolve, ctx.input)); return "waited"',
}

t.test('an idle version gives its threads up and the next call brings them back', async (t) => {
  const { generation, call } = await harness.serve({ tasks }, { threads: 2 })
  t.teardown(() => generation.close(true))
  const before = await call('mine').answer
  t.ok(generation.idleSince !== null)
  generation.rest()
  t.equal(generation.threads, 0)
  t.equal(generation.state, 'active', 'it has the traffic all the same')
  t.equal(generation.idleSince, null, 'it has nothing to give up')
  await until(() => workerThreads() === 0, 'both threads have ended')
  const answers = [call('mine'), call('echo', 1), call('echo', 2)]
  t.not(await answers[0]?.answer, before, 'in a new thread')
  t.equal(await answers[1]?.answer, 1)
  t.equal(await answers[2]?.answer, 2)
  await until(() => generation.threads === 2, 'it has both threads again')
  t.equal(generation.exits, 0)
})

t.test('G1: a version that something is bound to does not rest', async (t) => {
  const { generation, call } = await harness.serve({ tasks })
  t.teardown(() => generation.close(true))
  const running = call('wait', 100)
  t.equal(generation.idleSince, null)
  generation.rest()
  t.equal(generation.threads, 1)
  t.equal(await running.answer, 'waited')
})

t.test('the call that wakes a cold version has its deadline', async (t) => {
  const { generation, call } = await harness.serve({ tasks })
  t.teardown(() => generation.close(true))
  generation.rest()
  await t.rejects(call('loop').answer, { code: 'TASK_TIMEOUT' })
  t.equal(await call('echo', 1).answer, 1, 'on a new thread')
})

t.test('teardown runs when a version turns cold, setup when it wakes', async (t) => {
  const told: unknown[] = []
  const channel = new BroadcastChannel('threads-test')
  channel.onmessage = (event) => void told.push((event as MessageEvent).data)
  const { generation, call } = await harness.serve({
    tasks,
    before: `const channel = new BroadcastChannel('threads-test')
      channel.unref()`,
    also: `setup: () => channel.postMessage('open'), teardown: () => channel.postMessage('closed')`,
  })
  t.teardown(async () => {
    await generation.close(true)
    channel.close()
  })
  generation.rest()
  await until(() => told.length === 2, 'it is torn down')
  await call('echo').answer
  await until(() => told.length === 3, 'it is set up again')
  t.same(told, ['open', 'closed', 'open'])
})

t.test('a cold version drains, is revived and retires without a thread', async (t) => {
  const { generation, call, reaches } = await harness.serve({ tasks }, { keepWarmMs: 60_000 })
  generation.rest()
  generation.take('supersede', 'test')
  await reaches('drained')
  generation.take('promote', 'test')
  t.equal(generation.threads, 0)
  t.equal(await call('echo', 'revived').answer, 'revived')
  generation.rest()
  await generation.close(false)
  t.equal(generation.state, 'retired')
  await until(() => workerThreads() === 0, 'nothing is left')
})

t.test(
  'G2: who waits for threads that do not come back is told why; later it is tried again',
  async (t) => {
    const text = { tasks, also: 'setup: () => {}' }
    const clock = new ManualClock()
    const { generation, call } = await harness.serve(text, { clock })
    t.teardown(() => generation.close(true))
    text.also = `setup: () => { throw new Error('no database') }`
    generation.rest()
    const refused = [call('echo', 1), call('echo', 2, { pinned: true })]
    for (const { answer } of refused) {
      await t.rejects(answer, { code: 'SETUP_FAILED', message: /no database/ })
    }
    t.equal(generation.state, 'active')
    text.also = 'setup: () => {}'
    await t.rejects(call('echo', 3).answer, { code: 'SETUP_FAILED' }, 'at once while it pauses')
    t.equal(generation.threads, 0)
    clock.advance(250)
    t.equal(await call('echo', 4).answer, 4)
  },
)

t.test('a module that defines something else the second time does not come back', async (t) => {
  const text: { tasks: PackageText['tasks'] } = { tasks }
  const { generation, call } = await harness.serve(text)
  t.teardown(() => generation.close(true))
  text.tasks = { other: 'return 1', ...tasks }
  generation.rest()
  const refused = { code: 'LOAD_FAILED', message: /does not define the same/ }
  await t.rejects(call('echo', 1).answer, refused)
})

/** A package whose setup asks the test, which answers it from `answers`, then with yes. */
function asking(t: Test) {
  const answers: string[] = []
  const name = `threads-test-${t.name}`
  const channel = new BroadcastChannel(name)
  channel.onmessage = (event) => {
    const { ask } = (event as MessageEvent).data as { ask?: number }
    channel.postMessage({ to: ask, answer: answers.shift() ?? 'yes' })
  }
  t.teardown(() => channel.close())
  const text = {
    tasks: { ...tasks, exit: 'process.exit(3)' },
    before: `import { threadId } from 'node:worker_threads'
      const channel = new BroadcastChannel(${JSON.stringify(name)})
      channel.unref()
      const asked = new Promise((resolve, reject) => {
        channel.onmessage = ({ data: { to, answer } }) => {
          if (to !== threadId) return
          if (answer === 'yes') resolve()
          else reject(new Error(answer))
        }
      })
      asked.catch(() => {})`,
    also: 'setup: () => { channel.postMessage({ ask: threadId }); return asked }',
  }
  return { text, answers }
}

t.test('a second thread that fails at a wake takes nothing from the first', async (t) => {
  const { text, answers } = asking(t)
  const { generation, call, notReplaced } = await harness.serve(text, { threads: 2 })
  t.teardown(() => generation.close(true))
  generation.rest()
  await until(() => workerThreads() === 0, 'it is cold')
  answers.push('yes', 'no database')
  const waits = call('wait', 200)
  t.equal(await call('echo', 1).answer, 1)
  t.equal(await waits.answer, 'waited')
  await until(() => generation.threads === 2, 'the other thread is tried again')
  t.same(notReplaced, ['SETUP_FAILED'])
})

t.test(
  'C5: while the only thread cannot be replaced, whoever waits or calls is told why',
  async (t) => {
    const { text, answers } = asking(t)
    const clock = new ManualClock()
    const { generation, call, notReplaced } = await harness.serve(text, { clock })
    t.teardown(() => generation.close(true))
    answers.push('no database')
    await t.rejects(call('exit').answer, { code: 'WORKER_LOST' })
    const refused = { code: 'SETUP_FAILED', message: /no database/ }
    const waiting = [call('echo', 1), call('echo', 2, { pinned: true })]
    for (const { answer } of waiting) await t.rejects(answer, refused)
    await t.rejects(call('echo', 3).answer, refused, 'at once while it pauses')
    clock.advance(250)
    await setImmediate()
    t.equal(await call('echo', 4).answer, 4, 'who calls while it is tried waits for that')
    t.same(notReplaced, ['SETUP_FAILED'])
  },
)

t.test('a thread lost before the package began gives its place to another one', async (t) => {
  const hosts: ThreadHost[] = []
  const { generation, call } = await harness.serve(
    { tasks },
    {
      withThread: async (start) => {
        const lost = openWarmThread(harness.host())
        hosts.push(lost.host)
        const hello = await lost.inbox.next()
        if (hello.type === 'hello') lost.hosted.identify(hello.threadId)
        lost.hosted.kill()
        await t.rejects(start(lost, true), { code: 'LOAD_INTERRUPTED' })
        return start(openWarmThread(harness.host()), false)
      },
    },
  )
  t.teardown(() => generation.close(true))
  generation.rest()
  t.equal(await call('echo', 1).answer, 1)
  t.equal(generation.threads, 1)
  t.same(
    hosts.map(({ slotDir }) => existsSync(slotDir)),
    [false],
    'its slot is given back',
  )
})

t.test('a wake that gets its thread too late leaves nothing', async (t) => {
  const turn = Promise.withResolvers<void>()
  const started = Promise.withResolvers<unknown>()
  const { generation, call } = await harness.serve(
    { tasks },
    {
      withThread: async (start, unwanted) => {
        await turn.promise
        t.ok(unwanted.aborted)
        const late = start(openWarmThread(harness.host()), false)
        started.resolve(late.catch((error: unknown) => error))
        return late
      },
    },
  )
  generation.rest()
  call('echo', 1)
  await generation.close(true)
  t.equal(generation.state, 'retired')
  turn.resolve()
  t.match(await started.promise, { message: 'the generation ends' })
  t.equal(workerThreads(), 0)
})

t.test('closing while it wakes leaves nothing', async (t) => {
  const { generation, call } = await harness.serve({ tasks })
  generation.rest()
  const waiting = call('echo', 1)
  await generation.close(true)
  t.equal(generation.state, 'retired')
  t.equal(waiting.moves, 0)
  await until(() => workerThreads() === 0, 'nothing is left')
})
