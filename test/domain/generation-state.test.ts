import { holds } from '../helpers/property.ts'
import fc from 'fast-check'
import t from 'tap'
import {
  canTake,
  type GenerationEffect,
  type GenerationEventType,
  type GenerationState,
  nextState,
} from '../../src/domain/generation-state.ts'

const EVENTS: readonly GenerationEventType[] = [
  'load',
  'imported',
  'ready',
  'refuse',
  'trial',
  'promote',
  'supersede',
  'zero',
  'deadline',
  'terminated',
  'expire',
  'crashLoop',
  'release',
  'retire',
]

function walk(...events: GenerationEventType[]): [GenerationState, GenerationEffect[]] {
  let state: GenerationState = 'staging'
  const effects: GenerationEffect[] = []
  for (const type of events) {
    const next = nextState(state, { type })
    state = next.state
    effects.push(...next.effects)
  }
  return [state, effects]
}

const LIVE = ['load', 'imported', 'ready', 'promote'] as const
/** What LIVE does on its way. */
const STANDBY = ['armStandby', 'cancelWarm'] as const

t.test('the good way from the drop to the end', (t) => {
  t.same(walk(...LIVE), ['active', STANDBY])
  t.same(walk(...LIVE, 'supersede', 'zero', 'expire'), [
    'retired',
    [...STANDBY, 'armDrain', 'cancelDrain', 'armWarm', 'cancelWarm', 'endThreads'],
  ])
  t.end()
})

t.test('a draining or drained generation is revived without its threads ending', (t) => {
  t.same(walk(...LIVE, 'supersede', 'promote'), ['active', [...STANDBY, 'armDrain', 'cancelDrain']])
  const [state, effects] = walk(...LIVE, 'supersede', 'zero', 'promote')
  t.equal(state, 'active')
  t.equal(effects.at(-1), 'cancelWarm')
  t.notOk(effects.includes('endThreads'))
  t.end()
})

t.test('a passed drain deadline ends the threads once', (t) => {
  const [state, effects] = walk(...LIVE, 'supersede', 'deadline', 'terminated')
  t.equal(state, 'retired')
  t.same(effects, [...STANDBY, 'armDrain', 'cancelDrain', 'endThreads'])
  t.end()
})

t.test('each step of loading can be refused, and a refused one retired', (t) => {
  t.same(walk('refuse'), ['rejected', ['endThreads']])
  t.same(walk('load', 'refuse'), ['rejected', ['endThreads']])
  t.same(walk('load', 'imported', 'refuse', 'retire'), ['retired', ['endThreads']])
  t.end()
})

t.test('quarantine keeps what it takes and is left by release or retire', (t) => {
  t.same(walk(...LIVE, 'crashLoop'), ['quarantined', STANDBY])
  t.same(walk(...LIVE, 'crashLoop', 'release'), ['standby', [...STANDBY, 'armStandby']])
  t.same(walk(...LIVE, 'crashLoop', 'retire'), ['retired', [...STANDBY, 'endThreads']])
  t.same(walk(...LIVE, 'supersede', 'crashLoop')[1].at(-1), 'cancelDrain')
  t.same(walk(...LIVE, 'supersede', 'zero', 'crashLoop')[1].at(-1), 'cancelWarm')
  t.end()
})

t.test('one in standby that nobody calls goes', (t) => {
  t.same(walk('load', 'imported', 'ready'), ['standby', ['armStandby']])
  t.same(walk('load', 'imported', 'ready', 'expire'), ['retired', [...STANDBY, 'endThreads']])
  t.end()
})

t.test('a canary is promoted or drained', (t) => {
  t.equal(walk('load', 'imported', 'ready', 'trial', 'promote')[0], 'active')
  t.equal(walk('load', 'imported', 'ready', 'trial', 'supersede')[0], 'draining')
  t.end()
})

t.test('an illegal event names the generation, the event and the state', (t) => {
  t.throws(() => nextState('draining', { type: 'supersede' }, 7), {
    code: 'ILLEGAL_TRANSITION',
    message: 'generation 7 cannot take supersede in state draining',
  })
  t.notOk(canTake('draining', 'supersede'))
  t.ok(canTake('draining', 'promote'))
  t.end()
})

/** Each state that some walk reaches, with the events it takes. */
function reachable(): Map<GenerationState, GenerationEventType[]> {
  const found = new Map<GenerationState, GenerationEventType[]>()
  const open: GenerationState[] = ['staging']
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (found.has(state)) continue
    const from = state
    const legal = EVENTS.filter((type) => canTake(from, type))
    found.set(from, legal)
    open.push(...legal.map((type) => nextState(from, { type }).state))
  }
  return found
}

t.test('G1: every state can be reached and leads to retired, which nothing leaves', (t) => {
  const states = reachable()
  t.equal(states.size, 12)
  for (const [state, legal] of states) t.equal(legal.length === 0, state === 'retired', state)
  t.end()
})

t.test('every event that a state cannot take throws', (t) => {
  for (const [state, legal] of reachable()) {
    for (const type of EVENTS.filter((event) => !legal.includes(event))) {
      t.throws(() => nextState(state, { type }), { code: 'ILLEGAL_TRANSITION' }, `${state} ${type}`)
    }
  }
  t.end()
})

t.test('G2 and G3 hold on random walks', (t) => {
  holds(
    t,
    fc.property(fc.array(fc.nat(), { minLength: 5, maxLength: 40 }), (picks) => {
      let state: GenerationState = 'staging'
      const armed = { Drain: false, Warm: false }
      let threadsEnded = 0
      for (const pick of picks) {
        const from: GenerationState = state
        const legal = EVENTS.filter((type) => canTake(from, type))
        const type = legal[pick % legal.length]
        if (type === undefined) break
        const next = nextState(state, { type })
        state = next.state
        for (const effect of next.effects) {
          if (effect === 'endThreads') threadsEnded += 1
          for (const timer of ['Drain', 'Warm'] as const) {
            const isIts = effect.endsWith(timer) || (timer === 'Warm' && effect === 'armStandby')
            if (!isIts) continue
            // An arm on an armed timer or a cancel on an idle one would leave a stale timer.
            if (armed[timer] === effect.startsWith('arm')) return false
            armed[timer] = !armed[timer]
          }
        }
        if (armed.Drain !== (state === 'draining')) return false
        if (armed.Warm !== (state === 'standby' || state === 'drained')) return false
        const isOver = ['retired', 'rejected', 'terminating'].includes(state)
        if (threadsEnded !== (isOver ? 1 : 0)) return false
      }
      return true
    }),
    { numRuns: 500 },
  )
  t.end()
})
