import t from 'tap'
import {
  Gates,
  HOLD,
  SAY,
  completeReceipt,
  failure,
  generationOf,
  makePlace,
  makeTasks,
  start,
  until,
  untilActive,
  untilLooked,
} from './helpers.ts'

t.test('branches run side by side and the answer holds what nothing depends on', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `
      .task('root', { run: (_, { input }) => input.n })
      .task('left', { after: ['root'], run: async ({ root }) => { await gate('left'); return root + 1 } })
      .task('right', { after: ['root'], run: async ({ root }) => { await gate('right'); return root + 2 } })
      .task('sum', { after: ['left', 'right'], run: ({ left, right }, { input }) => [left, right, input.n] })
      .task('lone', { after: ['root'], run: () => null })
      .task('none', { after: ['root'], run: () => {} })`,
    ),
  )
  const executor = await start(t, place)
  const answer = executor.invokeJson('public::p::w', '{"n":10}')
  await Promise.all([gates.reached('left'), gates.reached('right')])
  gates.open('right')
  gates.open('left')
  const { json, version, generation, epoch } = await answer
  t.same(JSON.parse(json), { sum: [11, 12, 10], lone: null, none: null })
  t.equal(version, '1.0.0')
  t.equal(generation, executor.package('public', 'p')?.activeGeneration)
  t.equal(epoch, executor.registry.epoch)
})

t.test('a workflow finishes on the generation it began on, across a swap', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  const tasks = `${HOLD}
    .task('then', { after: ['hold'], run: ({ hold }, { generation }) => [hold, VERSION, generation] })
    .task('last', { after: ['then'], run: ({ then }, { generation }) => [then, VERSION, generation] })`
  place.drop(makeTasks('p', '2.1.0', tasks))
  const executor = await start(t, place)
  const old = executor.invoke('public::p::w', 'across')
  await gates.reached('across')
  const from = generationOf(executor, 'p', '2.1.0')?.generation
  place.drop(makeTasks('p', '2.2.0', tasks))
  await untilActive(executor, 'p', '2.2.0')

  const young = executor.invoke('public::p::w', 'after')
  await gates.reached('after')
  t.match(generationOf(executor, 'p', '2.1.0'), {
    state: 'draining',
    workflows: 1,
    blockers: [/^w::hold \d+ ms/],
  })
  t.type(generationOf(executor, 'p', '2.1.0')?.drainDeadlineAt, 'number')
  gates.open('across')
  t.same(await old, {
    last: [[{ version: '2.1.0', generation: from }, '2.1.0', from], '2.1.0', from],
  })
  gates.open('after')
  t.match(await young, { last: [[{ version: '2.2.0' }, '2.2.0'], '2.2.0'] })

  const receipt = await completeReceipt(executor, 'p', '2.2.0')
  t.match(receipt, { inFlightAtSwap: 1, drained: 1, killed: 0, lost: 0, moved: 0 })
  t.equal(generationOf(executor, 'p', '2.1.0')?.state, 'drained')
})

t.test('progress of a running task shows in the blockers of a draining generation', async (t) => {
  const place = makePlace(t)
  const gates = new Gates(t)
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `.task('copy', { run: async (_, ctx) => { ctx.progress(0.375, 'third file'); await gate('copy') } })`,
    ),
  )
  const executor = await start(t, place)
  const running = executor.invoke('public::p::w::copy')
  await gates.reached('copy')
  place.drop(makeTasks('p', '1.1.0', SAY))
  await untilActive(executor, 'p', '1.1.0')
  const blockers = await untilLooked(executor, 'the progress', () => {
    const found = generationOf(executor, 'p', '1.0.0')?.blockers
    return found?.[0]?.includes('%') === true && found
  })
  t.match(blockers, [/^w::copy \d+ ms \(38 % third file\)$/])
  gates.open('copy')
  await running
})

t.test('what a task throws reaches the caller with its code, class and data', async (t) => {
  const place = makePlace(t)
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `
      .task('boom', { run: () => {
        class StockError extends Error { name = 'StockError'; code = 'OUT_OF_STOCK'; data = { left: 0 } }
        throw new StockError('no more tea')
      } })
      .task('next', { after: ['boom'], run: () => { throw new Error('never begun') } })
      .task('late', { after: ['next'], run: () => { throw new Error('never begun') } })`,
    ),
  )
  const executor = await start(t, place)
  const error = await failure(executor.invoke('public::p::w'))
  t.match(error, {
    code: 'TASK_FAILED',
    status: 500,
    retryable: false,
    message: 'task boom failed: no more tea',
    details: {
      task: 'boom',
      cause: 'OUT_OF_STOCK',
      name: 'StockError',
      data: { left: 0 },
      terminal: false,
      stack: /index\.js/,
    },
  })
  const row = executor.package('public', 'p')
  t.match(row?.generations, [{ served: 0, failed: 1 }], 'what came after was never begun')
})

t.test('what is not JSON or too large is refused as the task’s fault', async (t) => {
  const place = makePlace(t)
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `
      .task('big', { run: () => 'x'.repeat(3000) })
      .task('round', { run: () => { const a = {}; a.a = a; return a } })
      .task('fn', { run: () => () => 1 })
      .task('nothing', { run: () => { throw null } })`,
    ),
  )
  const executor = await start(t, place, { maxPayloadBytes: 2048 })
  const fails = (task: string) => failure(executor.invoke(`public::p::w::${task}`))
  t.match(await fails('big'), { code: 'RESULT_TOO_LARGE', details: { bytes: 3002, limit: 2048 } })
  t.match(await fails('round'), { code: 'NOT_SERIALISABLE', message: /circular/ })
  t.match(await fails('fn'), { code: 'NOT_SERIALISABLE' })
  t.match(await fails('nothing'), { code: 'TASK_FAILED', message: /thrown value: null/ })
})

t.test('retry policies are in force as they were declared', async (t) => {
  const place = makePlace(t)
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `
      .task('third', {
        retry: { attempts: 3, delay: 1, jitter: false },
        run: (_, { attempt, idempotencyKey, log, run }) => {
          log.info({ attempt, idempotencyKey, run }, 'tried')
          if (attempt < 3) throw new Error('attempt ' + attempt)
          return attempt
        },
      })
      .task('never', {
        retry: { attempts: 2, delay: 1 },
        run: (_, { attempt }) => { throw new Error('attempt ' + attempt) },
      })
      .task('picky', {
        retry: { attempts: 5, delay: 1, retryOn: ['BUSY'] },
        run: (_, { attempt }) => {
          throw Object.assign(new Error('attempt ' + attempt), { code: attempt < 3 ? 'BUSY' : 'GONE' })
        },
      })
      .task('final', {
        retry: { attempts: 5, delay: 1 },
        run: (_, { attempt }) => { throw new TerminalError('NO_USE', 'attempt ' + attempt, { attempt }) },
      })
      .task('once', { run: (_, { attempt }) => { throw new Error('attempt ' + attempt) } })`,
    ),
  )
  const executor = await start(t, place)
  const tried: unknown[] = []
  executor.events.on('log', ({ task, level, fields }) => {
    if (task === 'w::third' && level === 'info') tried.push(fields)
  })
  t.equal(await executor.invoke('public::p::w::third'), 3)
  await until(executor, 'three lines', () => tried.length === 3)
  const [first] = tried as { idempotencyKey: string; run: string }[]
  t.equal(first?.idempotencyKey, `${first?.run}::w::third`)
  t.same(
    tried,
    [1, 2, 3].map((attempt) => ({ ...first, attempt })),
    'the key and the run are the same in every attempt',
  )

  const why = async (task: string): Promise<string> =>
    (await failure(executor.invoke(`public::p::w::${task}`))).message
  t.equal(await why('never'), 'task never failed: attempt 2')
  t.equal(await why('picky'), 'task picky failed: attempt 3')
  t.equal(await why('final'), 'task final failed: attempt 1')
  t.equal(await why('once'), 'task once failed: attempt 1')
  t.match(await failure(executor.invoke('public::p::w::final')), {
    details: { cause: 'NO_USE', data: { attempt: 1 }, terminal: true, name: 'TerminalError' },
  })
})

t.test('a task of a workflow is retried by its policy, and its dependents wait', async (t) => {
  const place = makePlace(t)
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `
      .task('flaky', {
        retry: { attempts: 4, delay: 1 },
        run: (_, { attempt }) => { if (attempt < 4) throw new Error('no'); return attempt },
      })
      .task('after', { after: ['flaky'], run: ({ flaky }, { attempt }) => [flaky, attempt] })`,
    ),
  )
  const executor = await start(t, place)
  t.same(await executor.invoke('public::p::w'), { after: [4, 1] })
})

t.test('a timeout counts for each attempt and is retried by the policy', async (t) => {
  const place = makePlace(t)
  const hang = `new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))`
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      `
      .task('slow', { timeout: 40, run: (_, { signal }) => ${hang} })
      .task('second', {
        timeout: 40,
        retry: { attempts: 2, delay: 1 },
        run: (_, { signal, attempt, deadline }) => attempt === 1 ? ${hang} : { attempt, left: deadline - Date.now() },
      })
      .task('other', {
        timeout: 40,
        retry: { attempts: 3, delay: 1, retryOn: ['BUSY'] },
        run: (_, { signal }) => ${hang},
      })`,
    ),
  )
  const executor = await start(t, place)
  t.match(await failure(executor.invoke('public::p::w::slow')), {
    code: 'TASK_TIMEOUT',
    status: 504,
    retryable: true,
    details: { task: 'slow', timeoutMs: 40 },
  })
  const answer = (await executor.invoke('public::p::w::second')) as {
    attempt: number
    left: number
  }
  t.equal(answer.attempt, 2)
  t.ok(
    answer.left > 0 && answer.left <= 41,
    `the second attempt has its own deadline: ${answer.left}`,
  )
  t.match(await failure(executor.invoke('public::p::w::other')), { code: 'TASK_TIMEOUT' })
  t.match(await failure(executor.invoke('public::p::w')), { code: 'TASK_TIMEOUT' })
  const row = generationOf(executor, 'p', '1.0.0')
  t.match(row, { exits: 0, threads: 1 }, 'no thread was lost to it')
})

t.test('inputs are checked by the schema of the version that runs', async (t) => {
  const place = makePlace(t)
  place.dropSample('analytics_pipeline-2.1.0')
  const executor = await start(t, place)
  const workflow = 'public::analytics_pipeline::analytics_workflow'
  for (const [input, path] of [
    [{ limit: 0 }, 'limit'],
    [{ late: [{ delay: 'much' }] }, 'late.0.delay'],
    [{ nope: 1 }, 'nope'],
  ] as const) {
    const error = await failure(executor.invoke(workflow, input))
    t.equal(error.code, 'INPUT_INVALID')
    t.equal(error.status, 422)
    t.ok(error.message.includes(path), error.message)
  }
  const byDefault = await executor.invoke(`${workflow}::extract_data`)
  t.match(byDefault, { sources: { table: 100, late: 0 } }, 'a missing input takes its defaults')
  const asked = await executor.invoke(`${workflow}::extract_data`, { input: { limit: 7 } })
  t.match(asked, { sources: { table: 7 } })
  const whole = (await executor.invoke(workflow, { limit: 5 })) as Record<string, unknown>
  t.same(Object.keys(whole), ['generate_reports'])
})

t.test('a task whose thread was lost is run again where its policy names that', async (t) => {
  const place = makePlace(t)
  const dies = (name: string, retry: string): string => `.task('${name}', { retry: ${retry},
    run: (_, { attempt }) => { if (attempt === 1) process.exit(7); return attempt } })`
  place.drop(
    makeTasks(
      'p',
      '1.0.0',
      dies('named', `{ attempts: 3, delay: 1, retryOn: ['WORKER_LOST'] }`) +
        dies('unnamed', `{ attempts: 3, delay: 1 }`),
    ),
  )
  place.drop(
    makeTasks('q', '1.0.0', dies('named', `{ attempts: 2, delay: 1, retryOn: ['WORKER_LOST'] }`)),
  )
  const executor = await start(t, place)
  t.equal(await executor.invoke('public::p::w::named'), 2)
  t.match(await failure(executor.invoke('public::p::w::unnamed')), { code: 'WORKER_LOST' })
  t.same(await executor.invoke('public::q::w'), { named: 2 }, 'within a workflow too')
})
