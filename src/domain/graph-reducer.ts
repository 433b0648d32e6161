/**
 * The one decision about a graph's next steps. Memory invoke, the journalled engine and the
 * authors' test kit are drivers of it: they carry out its effects and bring back events.
 *
 * Owns: which task is ready, retried, skipped, and when the whole has ended.
 * Does not own: running, time, randomness, values.
 *
 * R1  A task is dispatched only when all its dependencies have succeeded.
 * R2  Every task ends exactly once; an event of another attempt or of an ended task changes nothing.
 * R3  `finished` comes once, as the last effect of all, when every task has ended.
 * R4  A state is plain JSON and never changed in place.
 */

import type { TaskDescriptor } from './descriptor.ts'
import { mayRetry, retryDelay } from './retry.ts'

/** What the reducer needs of a workflow. */
export interface GraphWorkflow {
  readonly tasks: readonly Pick<TaskDescriptor, 'after' | 'dependents' | 'retry'>[]
}

export interface GraphError {
  readonly code: string
  readonly message: string
  /** true: never retried. */
  readonly terminal: boolean
}

export type TaskState =
  | { readonly status: 'waiting' }
  | { readonly status: 'running'; readonly attempt: number }
  /** `attempt`: the one that comes next. */
  | { readonly status: 'backoff'; readonly attempt: number }
  | { readonly status: 'succeeded' }
  | { readonly status: 'failed'; readonly error: GraphError }
  /** A dependency failed or was skipped. */
  | { readonly status: 'skipped' }
  | { readonly status: 'cancelled' }

export type GraphOutcome = 'succeeded' | 'failed' | 'cancelled'

export interface GraphState {
  /** By task index. */
  readonly tasks: readonly TaskState[]
  /** By task index: dependencies that have not succeeded. */
  readonly open: readonly number[]
  /** Tasks that have not ended. */
  readonly unfinished: number
  /** No task is dispatched any more. */
  readonly cancelling: boolean
  /** null: not finished. Cancelled wins over failed, failed over succeeded. */
  readonly outcome: GraphOutcome | null
}

export type GraphEvent =
  | { readonly type: 'succeeded'; readonly task: number; readonly attempt: number }
  | {
      readonly type: 'failed'
      readonly task: number
      readonly attempt: number
      readonly error: GraphError
      /** In [0, 1): spreads the delay of a retry. */
      readonly random: number
    }
  | { readonly type: 'retryDue'; readonly task: number }
  | { readonly type: 'cancel' }

export type GraphEffect =
  | { readonly type: 'dispatch'; readonly task: number; readonly attempt: number }
  /** Bring `retryDue` after `delayMs`; `attempt` is the one that comes then. */
  | {
      readonly type: 'retry'
      readonly task: number
      readonly attempt: number
      readonly delayMs: number
    }
  /** The attempt still has to end, as succeeded or failed. */
  | { readonly type: 'abort'; readonly task: number; readonly attempt: number }
  | { readonly type: 'finished'; readonly outcome: GraphOutcome }

export interface GraphStep {
  readonly state: GraphState
  /** In order. */
  readonly effects: readonly GraphEffect[]
}

type Ended = Extract<
  TaskState,
  { readonly status: 'succeeded' | 'failed' | 'skipped' | 'cancelled' }
>

const WAITING: TaskState = Object.freeze({ status: 'waiting' })
const SUCCEEDED: Ended = Object.freeze({ status: 'succeeded' })
const SKIPPED: Ended = Object.freeze({ status: 'skipped' })
const CANCELLED: Ended = Object.freeze({ status: 'cancelled' })
const NOTHING: readonly GraphEffect[] = Object.freeze([])

export function startGraph(workflow: GraphWorkflow): GraphStep {
  const step = new Step(workflow, {
    tasks: workflow.tasks.map(() => WAITING),
    open: workflow.tasks.map((task) => task.after.length),
    unfinished: workflow.tasks.length,
    cancelling: false,
    outcome: null,
  })
  for (let task = 0; task < workflow.tasks.length; task++) step.dispatchIfReady(task)
  return step.done()
}

/** One event: O(dependents) steps (and one copy of the state). */
export function stepGraph(
  workflow: GraphWorkflow,
  state: GraphState,
  event: GraphEvent,
): GraphStep {
  if (state.outcome !== null) return { state, effects: NOTHING }
  if (event.type === 'cancel') return state.cancelling ? unchanged(state) : cancel(workflow, state)
  const current = state.tasks[event.task]
  if (event.type === 'retryDue') {
    if (current?.status !== 'backoff') return unchanged(state)
    const step = new Step(workflow, state)
    step.dispatch(event.task, current.attempt)
    return step.done()
  }
  if (current?.status !== 'running' || current.attempt !== event.attempt) return unchanged(state)
  const step = new Step(workflow, state)
  if (event.type === 'succeeded') step.succeed(event.task)
  else step.fail(event.task, event.attempt, event.error, event.random)
  return step.done()
}

function unchanged(state: GraphState): GraphStep {
  return { state, effects: NOTHING }
}

function cancel(workflow: GraphWorkflow, state: GraphState): GraphStep {
  const step = new Step(workflow, { ...state, cancelling: true })
  for (const [task, current] of state.tasks.entries()) {
    if (current.status === 'running') step.abort(task, current.attempt)
    if (current.status === 'waiting' || current.status === 'backoff') step.end(task, CANCELLED)
  }
  return step.done()
}

/** Scratch of one event: copies of the state, changed until `done`. */
class Step {
  readonly #workflow: GraphWorkflow
  readonly #tasks: TaskState[]
  readonly #open: number[]
  readonly #cancelling: boolean
  readonly #effects: GraphEffect[] = []
  #unfinished: number

  constructor(workflow: GraphWorkflow, state: GraphState) {
    this.#workflow = workflow
    this.#tasks = state.tasks.slice()
    this.#open = state.open.slice()
    this.#unfinished = state.unfinished
    this.#cancelling = state.cancelling
  }

  dispatchIfReady(task: number): void {
    if (this.#open[task] === 0 && this.#tasks[task]?.status === 'waiting') this.dispatch(task, 1)
  }

  dispatch(task: number, attempt: number): void {
    this.#tasks[task] = { status: 'running', attempt }
    this.#effects.push({ type: 'dispatch', task, attempt })
  }

  abort(task: number, attempt: number): void {
    this.#effects.push({ type: 'abort', task, attempt })
  }

  succeed(task: number): void {
    this.end(task, SUCCEEDED)
    for (const dependent of this.#dependents(task)) {
      this.#open[dependent] = (this.#open[dependent] ?? 0) - 1
      this.dispatchIfReady(dependent)
    }
  }

  fail(task: number, attempt: number, error: GraphError, random: number): void {
    const policy = this.#workflow.tasks[task]?.retry
    // What fails after a cancel was, as far as anyone can tell, aborted by it.
    if (this.#cancelling) return this.end(task, CANCELLED)
    if (policy !== undefined && mayRetry(policy, attempt, error)) {
      const delayMs = retryDelay(policy, attempt, random)
      this.#tasks[task] = { status: 'backoff', attempt: attempt + 1 }
      this.#effects.push({ type: 'retry', task, attempt: attempt + 1, delayMs })
      return
    }
    this.end(task, { status: 'failed', error })
    this.#skipAllAfter(task)
  }

  end(task: number, state: Ended): void {
    this.#tasks[task] = state
    this.#unfinished -= 1
  }

  done(): GraphStep {
    const outcome = this.#unfinished === 0 ? this.#outcome() : null
    if (outcome !== null) this.#effects.push({ type: 'finished', outcome })
    const state: GraphState = {
      tasks: this.#tasks,
      open: this.#open,
      unfinished: this.#unfinished,
      cancelling: this.#cancelling,
      outcome,
    }
    return { state, effects: this.#effects }
  }

  #skipAllAfter(failed: number): void {
    const ended = [failed]
    for (let task = ended.pop(); task !== undefined; task = ended.pop()) {
      for (const dependent of this.#dependents(task)) {
        if (this.#tasks[dependent]?.status !== 'waiting') continue
        this.end(dependent, SKIPPED)
        ended.push(dependent)
      }
    }
  }

  #dependents(task: number): readonly number[] {
    return this.#workflow.tasks[task]?.dependents ?? []
  }

  #outcome(): GraphOutcome {
    let outcome: GraphOutcome = 'succeeded'
    for (const { status } of this.#tasks) {
      if (status === 'cancelled') return 'cancelled'
      if (status === 'failed') outcome = 'failed'
    }
    return outcome
  }
}
