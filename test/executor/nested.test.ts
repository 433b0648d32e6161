import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import {
  Gates,
  HOLD,
  SAY,
  failure,
  make,
  makePlace,
  makeTasks,
  row,
  start,
  until,
  untilActive,
  within,
} from './helpers.ts'

refuseLeaks(t)

/** Calls what its input names, and gives way to the event loop before and after. */
const OUTER = `.task('outer', { run: async (_, ctx) => {
  await new Promise(setImmediate)
  return { of: await ctx.invoke(...ctx.input) }
} })`

/** Waits at the gate its input names until it is opened or its signal aborts. */
const OBEYS = `.task('obeys', { run: (_, { input, signal, log }) => new Promise((resolve, reject) => {
  void gate(input).then(() => resolve('opened'))
  signal.addEventListener('abort', () => { log.info('ended: ' + signal.reason.message); reject(signal.reason) })
}) })`

for (const concurrency of [64, 1]) {
  t.test(
    `200 calls that each await one of their own package end, ${concurrency} at once`,
    async (t) => {
      const place = makePlace(t)
      place.drop(makeTasks('p', '1.0.0', OUTER + SAY, { concurrency }))
      const executor = await start(t, place)
      for (const options of [{}, { version: '1.0.0' }]) {
        const calls = Array.from({ length: 200 }, (_, i) => {
          const [to, body] =
            i % 2 === 0
              ? ['::say', { input: i }]
              : ['::outer', { input: ['public::p::w::say', { input: i }, options] }]
          return executor.invoke('public::p::w::outer', {
            input: [`public::p::w${to}`, body, options],
          })
        })
        const answers = await within('all of them', Promise.all(calls))
        const found = answers.map((answer) => {
          const { of } = answer as { of: { input?: number; of?: { input: number } } }
          return of.of?.input ?? of.input
        })
        t.same(found, [...calls.keys()], JSON.stringify(options))
      }
      t.match(row(executor, 'p').generations, [{ requests: 0, exits: 0 }])
    },
  )
}

t.test('workflows that call workflows of their own package end', async (t) => {
  const place = makePlace(t)
  const source = `${OUTER}.task('after', { after: ['outer'], run: ({ outer }) => outer })`
  place.drop(makeTasks('p', '1.0.0', source, { concurrency: 1 }))
  place.drop(makeTasks('leaf', '1.0.0', SAY, { concurrency: 1 }))
  const executor = await start(t, place)
  const calls = Array.from({ length: 50 }, (_, i) =>
    executor.invoke('public::p::w', ['public::p::w', ['public::leaf::w', i]]),
  )
  const answers = await within('all of them', Promise.all(calls))
  const deep = (i: number): object => ({ after: { of: { after: { of: { say: { input: i } } } } } })
  t.match(answers, [...calls.keys()].map(deep))
})

t.test('two packages that call each other end, on one thread and on two', async (t) => {
  const place = makePlace(t)
  place.drop(makeTasks('a', '1.0.0', OUTER + SAY, { concurrency: 2 }))
  place.drop(makeTasks('b', '1.0.0', OUTER + SAY, { concurrency: 2, threads: 2 }))
  const executor = await start(t, place)
  /** `calls` below one another, in turn. */
  const chain = (calls: number, names: readonly string[]): unknown[] => {
    const [name = '', ...others] = names
    return calls === 1
      ? [`public::${name}::w::say`, { input: 'end' }]
      : [`public::${name}::w::outer`, { input: chain(calls - 1, [...others, name]) }]
  }
  const calls = Array.from({ length: 200 }, (_, i) => {
    const [to, body] = chain(1 + (i % 17), i % 2 === 0 ? ['a', 'b'] : ['b', 'a'])
    return executor.invoke(String(to), body)
  })
  const answers = await within('all of them', Promise.all(calls))
  t.ok(answers.every((answer) => JSON.stringify(answer).includes('"input":"end"')))
})

t.test('a task that calls itself for ever is refused at a depth of 16', async (t) => {
  const place = makePlace(t)
  const recurse = `.task('recurse', { run: async (_, ctx) => {
    try { return await ctx.invoke('public::p::w::recurse', { input: ctx.input + 1 }, { version: '*' }) }
    catch ({ code, retryable, message, details }) { return { depth: ctx.input, code, retryable, message, details } }
  } })`
  place.drop(makeTasks('p', '1.0.0', recurse, { concurrency: 1 }))
  const executor = await start(t, place)
  const calls = Array.from({ length: 8 }, () =>
    executor.invoke('public::p::w::recurse', { input: 0 }),
  )
  for (const answer of await within('all of them', Promise.all(calls))) {
    t.match(answer, {
      depth: 16,
      code: 'NESTING_TOO_DEEP',
      retryable: false,
      message: 'public::p::w::recurse was not called: calls by ctx.invoke go at most 16 deep',
      details: { limit: 16 },
    })
  }
})

t.test('a waiting task gives its place to others, which keep their order', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const note = `.task('note', { run: (_, { input }) => {
    globalThis.order = [...(globalThis.order ?? []), input]
    return globalThis.order
  } })`
  place.drop(makeTasks('p', '1.0.0', OUTER + HOLD + note, { concurrency: 1 }))
  const executor = await start(t, place)
  const outer = executor.invoke('public::p::w::outer', {
    input: ['public::p::w::hold', { input: 'in' }],
  })
  await gates.reached('in')
  const notes = Array.from({ length: 20 }, (_, i) =>
    executor.invoke('public::p::w::note', { input: i }),
  )
  gates.open('in')
  await within('all of them', Promise.all([outer, ...notes]))
  t.same(await executor.invoke('public::p::w::note', { input: 'last' }), [...notes.keys(), 'last'])
})

t.test('a call ends with the task that made it, however that one ends', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const calls = `
    .task('late', { timeout: '200ms', run: (_, ctx) => ctx.invoke('public::p::w::obeys', { input: ctx.input }) })
    .task('waits', { run: (_, ctx) => ctx.invoke('public::p::w::obeys', { input: ctx.input }) })
    .task('leaves', { run: async (_, ctx) => { void ctx.invoke('public::p::w::obeys', { input: ctx.input }).catch(() => {}); await gate(ctx.input + ' leave') } })
    .task('crashes', { run: async (_, ctx) => { void ctx.invoke('public::other::w::obeys', { input: ctx.input }); await gate(ctx.input + ' crash'); process.exit(1) } })
    .task('tries', { timeout: '200ms', retry: { attempts: 2 }, run: (_, ctx) => ctx.invoke('public::p::w::obeys', { input: ctx.input + ctx.attempt }) })`
  place.drop(makeTasks('p', '1.0.0', calls + OBEYS))
  place.drop(makeTasks('other', '1.0.0', OBEYS))
  const executor = await start(t, place)
  const said: string[] = []
  executor.events.on('log', ({ message }) => said.push(message))
  const idle = (name: string): boolean =>
    row(executor, name).generations.every(
      ({ requests, state }) => requests === 0 || state !== 'active',
    )
  const ended = async (why: string): Promise<void> => {
    await until(executor, `the call to be told: ${why}`, () =>
      said.some((one) => one.includes(why)),
    )
    said.length = 0
  }

  const late = executor.invoke('public::p::w::late', { input: 'late' })
  t.match(await failure(late), { code: 'TASK_TIMEOUT' })
  await ended('the task that called was ended: the deadline has passed')

  const controller = new AbortController()
  const waits = executor.invoke(
    'public::p::w::waits',
    { input: 'waits' },
    { signal: controller.signal },
  )
  await gates.reached('waits')
  controller.abort(new Error('enough'))
  t.match(await failure(waits), { code: 'TASK_ABORTED' })
  await ended('enough')

  const leaves = executor.invoke('public::p::w::leaves', { input: 'leaves' })
  await Promise.all([gates.reached('leaves'), gates.reached('leaves leave')])
  gates.open('leaves leave')
  t.equal(await leaves, null)
  await ended('the task that called has ended')

  const tries = executor.invoke('public::p::w::tries', { input: 'try' })
  t.match(await failure(tries), { code: 'TASK_TIMEOUT' })
  await gates.reached('try2')
  await ended('the deadline has passed')

  const crashes = executor.invoke('public::p::w::crashes', { input: 'crashes' })
  await Promise.all([gates.reached('crashes'), gates.reached('crashes crash')])
  gates.open('crashes crash')
  t.match(await failure(crashes), { code: 'WORKER_LOST' })
  await ended('the task that called has ended')
  t.ok(idle('p') && idle('other'))
})

t.test('a task that has ended calls nothing any more', async (t) => {
  const place = makePlace(t)
  const after = `.task('after', { run: async (_, { invoke, log, input }) => {
    void gate(input).then(() => invoke('public::p::w::say')).catch(({ code }) => log.info('refused: ' + code))
    return 'over'
  } })`
  place.drop(makeTasks('p', '1.0.0', after + SAY))
  const executor = await start(t, place)
  const gates = new Gates(t)
  t.equal(await executor.invoke('public::p::w::after', { input: 'door' }), 'over')
  await gates.reached('door')
  const said: string[] = []
  executor.events.on('log', ({ message }) => said.push(message))
  gates.open('door')
  t.ok(await until(executor, 'the refusal', () => said.includes('refused: TASK_ABORTED')))
})

t.test('what a nested call fails with is what a library caller is told', async (t) => {
  const place = makePlace(t)
  const source = `
    .task('call', { run: (_, ctx) => ctx.invoke(...ctx.input).then(
      (value) => ({ value: value ?? null }),
      ({ name, code, message, retryable, status, details: { stack, ...details } }) => ({ name, code, message, retryable, status, details })) })
    .task('fails', { run: () => { throw new TerminalError('NO_FLIGHTS', 'none today', { day: 3 }) } })
    .task('busy', { run: () => { throw Object.assign(new Error('later'), { code: 'TRANSIENT' }) } })
    .task('bare', { run: (_, { input }) => ({ has: input !== undefined }) })`
  const bare = `export default definePackage({ workflows: [
    workflow('optional', { input: { '~standard': { version: 1, vendor: 't', validate: (value) =>
      value === undefined ? { value: 'default' } : { issues: [{ message: 'it is ' + value }] } } } })
      .task('bare', { run: (_, { input }) => input })] })`
  const optional = makeTasks('optional', '1.0.0', '')
  place.drop({
    ...optional,
    files: {
      ...optional.files,
      'index.js': (optional.files['index.js'] ?? '').replace(/export default.*/s, bare),
    },
  })
  place.drop(makeTasks('p', '1.0.0', source))
  const executor = await start(t, place)
  for (const task of ['fails', 'busy', 'gone']) {
    const { name, code, message, retryable, status, details } = await failure(
      executor.invoke(`public::p::w::${task}`),
    )
    const { stack: _stack, ...rest } = { stack: '', ...details }
    t.same(
      await executor.invoke('public::p::w::call', { input: [`public::p::w::${task}`] }),
      { name, code, message, retryable, status, details: rest },
      task,
    )
  }
  const call = (...input: unknown[]): Promise<unknown> =>
    executor.invoke('public::p::w::call', { input })
  t.same(await call('public::p::w::bare'), { value: { has: false } })
  t.same(await call('public::optional::optional'), { value: { bare: 'default' } })
  t.match(await call('public::optional::optional', null), {
    code: 'INPUT_INVALID',
    message: 'it is null',
  })
})

t.test('a draining version gets the answers its tasks wait for', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const source = `export default definePackage({ workflows: [
    workflow('w')${OUTER}${HOLD},
    workflow('chain')${OUTER}.task('last', { after: ['outer'], run: ({ outer }) => ({ by: VERSION, ...outer }) })] })`
  const drop = (version: string): void => {
    place.drop(make('p', version, source))
    place.drop(makeTasks('other', version, HOLD))
  }
  drop('1.0.0')
  const executor = await start(t, place)
  const hold = (name: string, gate: string): unknown[] => [
    `public::${name}::w::hold`,
    { input: gate },
  ]
  const calls = [
    executor.invoke('public::p::w::outer', { input: hold('p', 'own') }),
    executor.invoke('public::p::w::outer', { input: hold('other', 'other') }),
    executor.invoke('public::p::chain', hold('p', 'first')),
    executor.invoke('public::p::w::outer', { input: ['public::p::chain', hold('p', 'chain')] }),
  ]
  const names = ['own', 'other', 'first', 'chain']
  await Promise.all(names.map((name) => gates.reached(name)))
  drop('2.0.0')
  await Promise.all([untilActive(executor, 'p', '2.0.0'), untilActive(executor, 'other', '2.0.0')])
  for (const name of names) gates.open(name)
  t.match(await within('all of them', Promise.all(calls)), [
    { of: { version: '1.0.0' } },
    { of: { version: '1.0.0' } },
    { last: { by: '1.0.0', of: { version: '1.0.0' } } },
    { of: { last: { by: '1.0.0', of: { version: '1.0.0' } } } },
  ])
})

t.test('what a draining version calls after a swap is answered by the active one', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const then = `.task('then', { run: async (_, ctx) => {
    await gate('then')
    return [VERSION, await ctx.invoke('public::p::w::say'), await ctx.invoke('public::p::w::say', {}, { version: '1.0.0' })]
  } })`
  place.drop(makeTasks('p', '1.0.0', then + SAY))
  const executor = await start(t, place)
  const call = executor.invoke('public::p::w::then')
  await gates.reached('then')
  place.drop(makeTasks('p', '2.0.0', then + SAY))
  await untilActive(executor, 'p', '2.0.0')
  gates.open('then')
  t.match(await within('the call', call), ['1.0.0', { version: '2.0.0' }, { version: '1.0.0' }])
})

t.test('closing, a running call gets the answers of all it still calls', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const calls = `.task('calls', { run: async (_, ctx) => {
    await gate('calls')
    const own = await ctx.invoke('public::caller::w::say')
    const other = await ctx.invoke('public::callee::w', 1)
    const pinned = await ctx.invoke('public::callee::w::say', {}, { version: '^1' })
    const cold = await ctx.invoke('public::through::w::outer', { input: ['public::callee::w::say'] })
    return [own.version, other.say.version, pinned.version, cold.of.version]
  } })`
  place.drop(makeTasks('caller', '1.0.0', calls + SAY))
  place.drop(makeTasks('callee', '1.0.0', SAY, { keepWarm: '0s' }))
  place.drop(makeTasks('through', '1.0.0', OUTER, { keepWarm: '0s' }))
  const executor = await start(t, place)
  const running = executor.invoke('public::caller::w::calls')
  await gates.reached('calls')
  const closed = executor.close()
  await until(executor, 'the others to drain', () =>
    ['callee', 'through'].every((name) => row(executor, name).generations[0]?.state === 'drained'),
  )
  t.match(await failure(executor.invoke('public::callee::w')), { code: 'EXECUTOR_CLOSING' })
  gates.open('calls')
  t.same(await within('the running call', running), ['1.0.0', '1.0.0', '1.0.0', '1.0.0'])
  await within('the close', closed)
  t.equal(executor.status().state, 'closed')
})
