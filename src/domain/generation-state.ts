/**
 * The states of one generation, and the one function that moves between them.
 *
 * Owns: which event is legal in which state, and what must be done at each transition.
 * Does not own: doing it (generation/, routing/), the control log, timers.
 *
 * G1  retired is final; nothing leaves it.
 * G2  The drain timer is armed exactly while draining, the warm timer exactly in standby and while
 *     drained: each way out cancels, the timer's own event included (an operator may be faster).
 * G3  endThreads comes once on each way to retired or rejected, before or at its last transition.
 */

import { HeadgateError } from '../base/errors.ts'

export type GenerationState =
  | 'staging'
  | 'loading'
  | 'probing'
  | 'standby'
  | 'canary'
  | 'active'
  | 'draining'
  | 'drained'
  | 'terminating'
  | 'retired'
  | 'quarantined'
  | 'rejected'

export type GenerationEventType =
  /** Its bytes are staged, a thread is asked for. */
  | 'load'
  /** The thread has imported it and reported its definition. */
  | 'imported'
  /** setup and probe have passed. */
  | 'ready'
  /** It cannot be loaded. */
  | 'refuse'
  /** It gets a share of the traffic. */
  | 'trial'
  /** It gets the traffic; from draining or drained a revival without a cold start. */
  | 'promote'
  /** Another one has the traffic, or none. */
  | 'supersede'
  /** The ledger has reached zero. */
  | 'zero'
  /** The drain timeout has passed, or an operator does not wait for it. */
  | 'deadline'
  /** All threads of a terminating generation have ended. */
  | 'terminated'
  /** It need not be kept warm any longer. */
  | 'expire'
  /** Its threads died too often. */
  | 'crashLoop'
  /** An operator ends the quarantine. */
  | 'release'
  /** A quarantined or rejected one is given up. */
  | 'retire'

export interface GenerationEvent {
  readonly type: GenerationEventType
}

export type GenerationEffect =
  | 'armDrain'
  | 'cancelDrain'
  /** It may go when nobody calls it: it has never had the traffic. */
  | 'armStandby'
  /** The same; it had the traffic. */
  | 'armWarm'
  /** Of both. */
  | 'cancelWarm'
  /** Abort what runs, grant it the grace, then end every thread. */
  | 'endThreads'

type Row = Readonly<Partial<Record<GenerationEventType, GenerationState>>>

const TRANSITIONS: Readonly<Record<GenerationState, Row>> = {
  staging: { load: 'loading', refuse: 'rejected' },
  loading: { imported: 'probing', refuse: 'rejected' },
  probing: { ready: 'standby', refuse: 'rejected' },
  standby: {
    trial: 'canary',
    promote: 'active',
    supersede: 'draining',
    expire: 'retired',
    crashLoop: 'quarantined',
  },
  canary: { promote: 'active', supersede: 'draining', crashLoop: 'quarantined' },
  active: { supersede: 'draining', crashLoop: 'quarantined' },
  draining: {
    promote: 'active',
    zero: 'drained',
    deadline: 'terminating',
    crashLoop: 'quarantined',
  },
  drained: { promote: 'active', expire: 'retired', crashLoop: 'quarantined' },
  terminating: { terminated: 'retired' },
  retired: {},
  quarantined: { release: 'standby', retire: 'retired' },
  rejected: { retire: 'retired' },
}

const ON_ENTRY: Readonly<Partial<Record<GenerationState, readonly GenerationEffect[]>>> = {
  standby: ['armStandby'],
  draining: ['armDrain'],
  drained: ['armWarm'],
  terminating: ['endThreads'],
  rejected: ['endThreads'],
  retired: ['endThreads'],
}

const ON_EXIT: Readonly<Partial<Record<GenerationState, readonly GenerationEffect[]>>> = {
  standby: ['cancelWarm'],
  draining: ['cancelDrain'],
  drained: ['cancelWarm'],
}

/** States whose threads were ended on the way in. */
const THREADLESS: ReadonlySet<GenerationState> = new Set(['terminating', 'rejected'])

/** States in which requests may be bound. */
export const LIVE_STATES: ReadonlySet<GenerationState> = new Set<GenerationState>([
  'standby',
  'canary',
  'active',
  'draining',
  'drained',
])

export interface Transition {
  readonly state: GenerationState
  /** In the order in which they are to be done. */
  readonly effects: readonly GenerationEffect[]
}

/** Throws ILLEGAL_TRANSITION; `generation` is only named in it. */
export function nextState(
  state: GenerationState,
  event: GenerationEvent,
  generation = 0,
): Transition {
  const next = TRANSITIONS[state][event.type]
  if (next === undefined) {
    throw new HeadgateError('ILLEGAL_TRANSITION', { generation, event: event.type, state })
  }
  const entry = next === 'retired' && THREADLESS.has(state) ? [] : (ON_ENTRY[next] ?? [])
  return { state: next, effects: [...(ON_EXIT[state] ?? []), ...entry] }
}

export function canTake(state: GenerationState, event: GenerationEventType): boolean {
  return TRANSITIONS[state][event] !== undefined
}
