import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import { buildGraph } from '../../src/domain/graph.ts'
import {
  type GraphEffect,
  type GraphEvent,
  type GraphState,
  type GraphWorkflow,
  startGraph,
  stepGraph,
} from '../../src/domain/graph-reducer.ts'
import { NO_RETRY, type RetryPolicy } from '../../src/domain/retry.ts'

interface Declared {
  readonly after: readonly number[]
  readonly retry?: Partial<RetryPolicy>
}

function workflowOf(declared: readonly Declared[]): GraphWorkflow {
  const graph = buildGraph(
    'w',
    declared.map(({ after }, i) => ({ name: `t${i}`, after: after.map((j) => `t${j}`) })),
  )
  return {
    tasks: declared.map(({ retry }, i) => ({
      after: graph.after[i] ?? [],
      dependents: graph.dependents[i] ?? [],
      retry: { ...NO_RETRY, ...retry },
    })),
  }
}

/** Feeds events in order and keeps the state. */
class Driver {
  readonly workflow: GraphWorkflow
  state: GraphState
  readonly first: readonly GraphEffect[]

  constructor(...declared: Declared[]) {
    this.workflow = workflowOf(declared)
    const { state, effects } = startGraph(this.workflow)
    this.state = state
    this.first = effects
  }

  send(event: GraphEvent): readonly GraphEffect[] {
    const { state, effects } = stepGraph(this.workflow, this.state, event)
    this.state = state
    return effects
  }

  ok(task: number, attempt = 1): readonly GraphEffect[] {
    return this.send({ type: 'succeeded', task, attempt })
  }

  fail(task: number, attempt = 1, terminal = false): readonly GraphEffect[] {
    const error = { code: 'BROKEN', message: 'it broke', terminal }
    return this.send({ type: 'failed', task, attempt, error, random: 0.5 })
  }

  get statuses(): string[] {
    return this.state.tasks.map(({ status }) => status)
  }
}

const dispatch = (task: number, attempt = 1): GraphEffect => ({ type: 'dispatch', task, attempt })

t.test('a diamond runs in the order of its dependencies', (t) => {
  const d = new Driver({ after: [] }, { after: [0] }, { after: [0] }, { after: [1, 2] })
  t.same(d.first, [dispatch(0)])
  t.same(d.ok(0), [dispatch(1), dispatch(2)])
  t.same(d.ok(2), [])
  t.same(d.ok(1), [dispatch(3)])
  t.same(d.ok(3), [{ type: 'finished', outcome: 'succeeded' }])
  t.equal(d.state.outcome, 'succeeded')
  t.end()
})

t.test('what comes after a failure is skipped, other branches go on', (t) => {
  const d = new Driver(
    { after: [] },
    { after: [0] },
    { after: [1, 3] },
    { after: [] },
    { after: [3] },
  )
  t.same(d.first, [dispatch(0), dispatch(3)])
  t.same(d.fail(0), [])
  t.same(d.statuses, ['failed', 'skipped', 'skipped', 'running', 'waiting'])
  t.same(d.ok(3), [dispatch(4)])
  t.same(d.ok(4), [{ type: 'finished', outcome: 'failed' }])
  t.match(d.state.tasks[0], { error: { code: 'BROKEN' } })
  t.end()
})

t.test('a failed attempt is retried by the policy, with the next attempt', (t) => {
  const d = new Driver({ after: [], retry: { attempts: 3, delayMs: 100, jitter: false } })
  t.same(d.fail(0), [{ type: 'retry', task: 0, attempt: 2, delayMs: 100 }])
  t.same(d.statuses, ['backoff'])
  t.same(d.send({ type: 'retryDue', task: 0 }), [dispatch(0, 2)])
  t.same(d.fail(0, 2), [{ type: 'retry', task: 0, attempt: 3, delayMs: 200 }])
  t.same(d.send({ type: 'retryDue', task: 0 }), [dispatch(0, 3)])
  t.same(d.fail(0, 3), [{ type: 'finished', outcome: 'failed' }])
  t.end()
})

t.test('a terminal error ends the retries', (t) => {
  const d = new Driver({ after: [], retry: { attempts: 3 } })
  t.same(d.fail(0, 1, true), [{ type: 'finished', outcome: 'failed' }])
  t.end()
})

t.test('R2: stale events change nothing', (t) => {
  const d = new Driver({ after: [], retry: { attempts: 2 } }, { after: [0] })
  const still = (event: GraphEvent): void => {
    const { state } = d
    t.same(d.send(event), [])
    t.equal(d.state, state)
  }
  still({ type: 'retryDue', task: 0 })
  still({ type: 'succeeded', task: 1, attempt: 1 })
  still({ type: 'succeeded', task: 99, attempt: 1 })
  d.fail(0)
  still({ type: 'succeeded', task: 0, attempt: 1 })
  d.send({ type: 'retryDue', task: 0 })
  still({ type: 'succeeded', task: 0, attempt: 1 })
  still({ type: 'retryDue', task: 0 })
  d.ok(0, 2)
  still({ type: 'succeeded', task: 0, attempt: 2 })
  d.ok(1)
  still({ type: 'cancel' })
  t.equal(d.state.outcome, 'succeeded')
  t.end()
})

t.test('a cancel aborts what runs, drops what waits, and ends when the running have ended', (t) => {
  const d = new Driver(
    { after: [] },
    { after: [], retry: { attempts: 5 } },
    { after: [0] },
    { after: [], retry: { attempts: 9 } },
  )
  d.fail(3)
  t.same(d.send({ type: 'cancel' }), [
    { type: 'abort', task: 0, attempt: 1 },
    { type: 'abort', task: 1, attempt: 1 },
  ])
  t.same(d.send({ type: 'cancel' }), [])
  t.same(d.send({ type: 'retryDue', task: 3 }), [])
  t.same(d.fail(1), [], 'no retry after a cancel')
  t.same(d.ok(0), [{ type: 'finished', outcome: 'cancelled' }], 'nothing is dispatched any more')
  t.same(d.statuses, ['succeeded', 'cancelled', 'cancelled', 'cancelled'])
  t.end()
})

t.test('a cancel between attempts finishes at once', (t) => {
  const d = new Driver({ after: [], retry: { attempts: 2 } })
  d.fail(0)
  t.same(d.send({ type: 'cancel' }), [{ type: 'finished', outcome: 'cancelled' }])
  t.end()
})

t.test('a cancel that comes too late to stop anything leaves the success', (t) => {
  const d = new Driver({ after: [] })
  d.send({ type: 'cancel' })
  t.same(d.ok(0), [{ type: 'finished', outcome: 'succeeded' }])
  t.end()
})

t.test('a workflow without tasks is finished at its start', (t) => {
  t.same(startGraph({ tasks: [] }).effects, [{ type: 'finished', outcome: 'succeeded' }])
  t.end()
})

const dag = fc.integer({ min: 1, max: 12 }).chain((size) =>
  fc.tuple(
    ...Array.from({ length: size }, (_, i) =>
      fc.record({
        after: fc.subarray(Array.from({ length: i }, (_, j) => j)),
        retry: fc.record({ attempts: fc.integer({ min: 1, max: 4 }) }),
      }),
    ),
  ),
)

const choice = fc.record({
  pick: fc.nat(),
  what: fc.constantFrom('ok', 'ok', 'ok', 'fail', 'fail', 'terminal', 'stale'),
})

/** What an observer of the effects alone can demand of any run. */
function runAtRandom(
  declared: readonly Declared[],
  choices: { pick: number; what: string }[],
  cancelAt: number | null,
): void {
  const d = new Driver(...declared)
  const running = new Map<number, number>()
  const resting = new Set<number>()
  const dispatches = new Map<number, number>()
  let finished: string | null = null
  const take = (effects: readonly GraphEffect[]): void => {
    for (const effect of effects) {
      if (finished !== null) throw new Error(`${effect.type} after finished`)
      if (effect.type === 'finished') finished = effect.outcome
      if (effect.type === 'retry') resting.add(effect.task)
      if (effect.type !== 'dispatch') continue
      const after = declared[effect.task]?.after ?? []
      if (after.some((i) => d.state.tasks[i]?.status !== 'succeeded')) throw new Error('R1')
      const attempt = (dispatches.get(effect.task) ?? 0) + 1
      if (effect.attempt !== attempt) throw new Error(`attempt ${effect.attempt}, not ${attempt}`)
      if (attempt > (declared[effect.task]?.retry?.attempts ?? 1)) throw new Error('over policy')
      if (running.has(effect.task)) throw new Error('two attempts at once')
      dispatches.set(effect.task, attempt)
      running.set(effect.task, attempt)
    }
  }
  take(d.first)
  for (let step = 0; finished === null; step++) {
    if (step > 500) throw new Error('it does not end')
    if (step === cancelAt) {
      take(d.send({ type: 'cancel' }))
      resting.clear()
      continue
    }
    const { pick, what } = choices[step % choices.length] ?? { pick: 0, what: 'ok' }
    if (what === 'stale' && step < 100) {
      const { state } = d
      take(d.ok(pick % declared.length, 77))
      if (d.state !== state) throw new Error('R2')
      continue
    }
    const open = [...running.keys(), ...resting]
    const task = open[pick % open.length]
    if (task === undefined) throw new Error('unfinished, with nothing under way')
    const attempt = running.get(task)
    running.delete(task)
    if (attempt === undefined) {
      resting.delete(task)
      take(d.send({ type: 'retryDue', task }))
    } else if (what === 'fail' || what === 'terminal') {
      take(d.fail(task, attempt, what === 'terminal'))
    } else take(d.ok(task, attempt))
  }
  if (running.size > 0) throw new Error('finished while a task runs')
  const ends = new Set(['succeeded', 'failed', 'skipped', 'cancelled'])
  for (const [task, { status }] of d.state.tasks.entries()) {
    if (!ends.has(status)) throw new Error(`task ${task} is left ${status}`)
    const after = (declared[task]?.after ?? []).map((i) => d.state.tasks[i]?.status)
    const isBlocked = after.some((s) => s === 'failed' || s === 'skipped')
    if (status === 'skipped' && !isBlocked) throw new Error(`task ${task} skipped for nothing`)
    if (cancelAt === null && isBlocked && status !== 'skipped') throw new Error('not skipped')
  }
  if (d.state.unfinished !== 0 || d.state.outcome !== finished) throw new Error('R3')
  JSON.parse(JSON.stringify(d.state))
}

t.test('R1 to R4 hold for random graphs and random orders of what happens', (t) => {
  holds(
    t,
    fc.property(
      dag,
      fc.array(choice, { minLength: 1, maxLength: 40 }),
      fc.option(fc.nat({ max: 20 })),
      runAtRandom,
    ),
    { numRuns: 500 },
  )
  t.end()
})

t.test('R4: a state is not changed by the events after it', (t) => {
  const d = new Driver({ after: [] }, { after: [0] })
  const { state } = d
  const copy = structuredClone(state)
  d.ok(0)
  d.ok(1)
  t.same(state, copy)
  t.end()
})
