import { getEventListeners } from 'node:events'
import t from 'tap'
import {
  Gates,
  HOLD,
  SAY,
  failure,
  generationOf,
  make,
  makePlace,
  makeTasks,
  row,
  start,
  until,
  untilActive,
  within,
} from './helpers.ts'

const ONE_AT_A_TIME = { concurrency: 1 }
/** Counts its own runs in this thread. */
const COUNTED = `.task('counted', { run: () => { globalThis.runs = (globalThis.runs ?? 0) + 1; return globalThis.runs } })`

t.test('a call whose signal has aborted is refused and never begun', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', COUNTED))
  const executor = await start(t, place)
  for (const reason of [undefined, new Error('changed my mind'), 'enough', null]) {
    for (const options of [{}, { version: '1.0.0' }]) {
      const signal = AbortSignal.abort(reason)
      const error = await failure(
        executor.invoke('public::p::w::counted', {}, { signal, ...options }),
      )
      t.match(error, { code: 'TASK_ABORTED', status: 499 })
    }
  }
  const error = AbortSignal.abort(new Error('changed my mind'))
  t.match(await failure(executor.invoke('public::p::w', {}, { signal: error })), {
    message: 'the call was cancelled: changed my mind',
  })
  t.equal(await executor.invoke('public::p::w::counted'), 1)
})

t.test('a call that is cancelled while its input is checked is not run', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const source = `
const input = { '~standard': { version: 1, vendor: 'x',
  validate: async (value) => { await gate(value.at); return { value } } } }
export default definePackage({ workflows: [workflow('w', { input })
  .task('pay', { run: () => { globalThis.paid = true } })
  .task('paid', { run: () => globalThis.paid ?? false })] })`
  place.drop(make('p', '1.0.0', source))
  const executor = await start(t, place)
  const controller = new AbortController()
  const { signal } = controller
  const call = failure(executor.invoke('public::p::w::pay', { input: { at: 'first' } }, { signal }))
  await gates.reached('first')
  controller.abort(new Error('changed my mind'))
  t.match(await call, { code: 'TASK_ABORTED' })
  const asked = executor.invoke('public::p::w::paid', { input: { at: 'second' } })
  await gates.reached('second')
  gates.open('first')
  gates.open('second')
  t.equal(await asked, false)
  t.match(generationOf(executor, 'p', '1.0.0'), { requests: 0 })
})

t.test('a call that waits is cancelled at once, makes room and is never begun', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', HOLD + COUNTED, ONE_AT_A_TIME))
  const executor = await start(t, place, { maxWaiting: 2 })
  const holding = executor.invoke('public::p::w::hold', { input: 'a' })
  await gates.reached('a')
  const controller = new AbortController()
  const { signal } = controller
  const waiting = [
    executor.invoke('public::p::w::counted', {}, { signal }),
    executor.invoke('public::p::w', {}, { signal }),
  ]
  t.equal(row(executor, 'p').waiting, 2)
  const full = await failure(executor.invoke('public::p::w::counted'))
  t.match(full, { code: 'QUEUE_FULL', status: 429, retryable: true, details: { limit: 2 } })

  controller.abort(new Error('gone home'))
  for (const call of waiting) t.match(await failure(call), { code: 'TASK_ABORTED' })
  t.equal(row(executor, 'p').waiting, 0)
  const next = executor.invoke('public::p::w::counted')
  gates.open('a')
  await holding
  t.equal(await next, 1, 'it is the first that ran')
  t.match(generationOf(executor, 'p', '1.0.0'), { requests: 0, workflows: 0 })
  place.drop(makeTasks('p', '1.0.1', SAY))
  await until(
    executor,
    'the drain',
    () => generationOf(executor, 'p', '1.0.0')?.state === 'drained',
  )
})

t.test('a call that was handed over and not begun is taken back', async (t) => {
  const place = makePlace(t)
  const spin = `.task('spin', { run: () => { const end = Date.now() + 60; while (Date.now() < end); } })`
  place.drop(makeTasks('p', '1.0.0', spin + COUNTED))
  const executor = await start(t, place)
  // The dispatcher fills its batch in the first immediate after the calls.
  for (const turns of [0, 1, 2, 3]) {
    const controller = new AbortController()
    const { signal } = controller
    const spinning = executor.invoke('public::p::w::spin')
    const calls = Array.from({ length: 8 }, () =>
      executor.invoke('public::p::w::counted', {}, { signal }),
    )
    for (let turn = 0; turn < turns; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    controller.abort()
    for (const call of calls) t.match(await failure(call), { code: 'TASK_ABORTED' })
    await spinning
  }
  t.equal(await executor.invoke('public::p::w::counted'), 1, 'none of them ran')
  t.match(generationOf(executor, 'p', '1.0.0'), { requests: 0, workflows: 0, exits: 0 })
})

t.test('a running task sees the cancel, and its thread serves on', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const listens = `.task('listens', { run: async (_, { input, signal, log }) => {
    await gate(input)
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    log.info('saw ' + signal.reason.message)
  } })`
  place.drop(
    makeTasks('p', '1.0.0', listens + `.task('after', { after: ['listens'], run: () => 1 })`),
  )
  const executor = await start(t, place)
  const saw: string[] = []
  executor.events.on('log', ({ message }) => saw.push(message))
  for (const [namespace, body, at] of [
    ['public::p::w::listens', { input: 'task' }, 'task'],
    ['public::p::w', 'workflow', 'workflow'],
  ] as const) {
    saw.length = 0
    const controller = new AbortController()
    const call = executor.invoke(namespace, body, { signal: controller.signal })
    await gates.reached(at)
    controller.abort(new Error('enough'))
    t.match(await failure(call), { code: 'TASK_ABORTED', message: /enough/ })
    gates.open(at)
    await until(executor, 'the task to see it', () => saw.length > 0)
    t.match(saw, [/saw .*enough/])
    t.equal(getEventListeners(controller.signal, 'abort').length, 0)
  }
  t.match(generationOf(executor, 'p', '1.0.0'), { requests: 0, workflows: 0, exits: 0, threads: 1 })
})

t.test('a call between two attempts is cancelled, and holds no generation back', async (t) => {
  const place = makePlace(t)
  const fails = `.task('fails', { retry: { attempts: 2, delay: '60s' }, run: (_, { log }) => {
    log.info('failed'); throw new Error('no') } })`
  place.drop(makeTasks('p', '1.0.0', fails))
  const executor = await start(t, place)
  for (const namespace of ['public::p::w::fails', 'public::p::w']) {
    const controller = new AbortController()
    const call = executor.invoke(namespace, {}, { signal: controller.signal })
    await within('a line', executor.events.once('log'))
    controller.abort()
    t.match(await failure(call), { code: 'TASK_ABORTED' })
  }
  place.drop(makeTasks('p', '1.0.1', SAY))
  await until(
    executor,
    'the drain',
    () => generationOf(executor, 'p', '1.0.0')?.state === 'drained',
  )
})

t.test('a call whose version is still loaded is cancelled at once', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const source = `export default definePackage({
    setup: () => gate('setup'), workflows: [workflow('w')${COUNTED}] })`
  place.drop(makeTasks('p', '2.0.0', SAY))
  place.drop(make('p', '1.0.0', source))
  const executor = await start(t, place)
  const controller = new AbortController()
  const call = (options = {}) =>
    executor.invoke('public::p::w::counted', {}, { version: '1.0.0', ...options })
  const cancelled = call({ signal: controller.signal })
  await gates.reached('setup')
  controller.abort()
  t.match(await failure(cancelled), { code: 'TASK_ABORTED' })
  const other = call()
  gates.open('setup')
  t.equal(await other, 1)
})

t.test('a signal is let go of when its call has ended, however it ended', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place)
  const controller = new AbortController()
  const { signal } = controller
  await executor.invoke('public::p::w', {}, { signal })
  await executor.invoke('public::p::w::say', {}, { signal, version: '1.x' })
  await executor.invoke(
    'public::p::w::say',
    {},
    { signal, generation: row(executor, 'p').activeGeneration ?? 0 },
  )
  await failure(executor.invokeJson('public::p::w', 'not json', { signal }))
  await failure(executor.invoke('public::p::x', {}, { signal }))
  await failure(executor.invoke('public::p::w::x', {}, { signal, version: '1.0.0' }))
  await failure(executor.invoke('public::q::w', {}, { signal }))
  await failure(executor.invoke('public::p::w', {}, { signal, version: '9.0.0' }))
  await failure(executor.invoke('public::p::w', {}, { signal, generation: 999 }))
  t.equal(getEventListeners(signal, 'abort').length, 0)
  controller.abort()
})

t.test('a payload over the limit is refused before it is handed over', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('p', '1.0.0', SAY))
  const executor = await start(t, place, { maxPayloadBytes: 1024 })
  const send = (text: string) => executor.invokeJson('public::p::w', JSON.stringify(text))
  const inside = 'x'.repeat(900)
  t.equal(JSON.parse((await send(inside)).json).say.input, inside)
  t.match(await failure(send('x'.repeat(1023))), {
    code: 'PAYLOAD_TOO_LARGE',
    status: 413,
    details: { bytes: 1025, limit: 1024 },
  })
  t.match(
    await failure(send('\u20ac'.repeat(400))),
    { details: { bytes: 1202 } },
    'bytes are counted',
  )
})

t.test('what is bound to one generation may wait up to the limit too', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(makeTasks('p', '1.0.0', HOLD + SAY, ONE_AT_A_TIME))
  const executor = await start(t, place, { maxWaiting: 1 })
  const pin = { generation: row(executor, 'p').activeGeneration ?? 0 }
  const holding = executor.invoke('public::p::w::hold', { input: 'b' }, pin)
  await gates.reached('b')
  const waiting = executor.invoke('public::p::w::say', {}, pin)
  t.match(await failure(executor.invoke('public::p::w::say', {}, pin)), { code: 'QUEUE_FULL' })
  gates.open('b')
  await Promise.all([holding, waiting])
  await untilActive(executor, 'p', '1.0.0')
})
