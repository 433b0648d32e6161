/**
 * One run in this thread: drives the graph reducer by attempts and a clock.
 *
 * Owns: carrying out the reducer's effects, the outputs between tasks (as JSON text), the outcome.
 * Does not own: what comes next (domain/graph-reducer.ts), one attempt (attempt.ts).
 *
 * G1  It ends exactly once, and no timer of it is left then.
 */

import type { Timer } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import {
  type GraphEffect,
  type GraphEvent,
  type GraphOutcome,
  type GraphState,
  type GraphWorkflow,
  startGraph,
  stepGraph,
} from '../domain/graph-reducer.ts'
import { callError, retryFacts } from '../hosting/call-error.ts'
import type { LoadedTask } from '../hosting/definition.ts'
import { Attempt, type AttemptHost, type AttemptOutcome } from './attempt.ts'

/** What is run: a whole workflow, or one task of it. */
export interface RunPlan {
  readonly graph: GraphWorkflow
  readonly tasks: readonly { readonly loaded: LoadedTask; readonly timeoutMs: number }[]
  /** JSON text of what a task is given. */
  readonly body: (task: number, outputs: readonly (string | undefined)[]) => string
  readonly answer: (outputs: readonly (string | undefined)[]) => string
}

export interface RunOutcome {
  /** Id of the run. */
  readonly id: string
  readonly status: GraphOutcome
  /** JSON text of the answer; null: it did not succeed. */
  readonly answer: string | null
  /** JSON text by task name, of the tasks that succeeded. */
  readonly outputs: ReadonlyMap<string, string>
  readonly error: HeadgateError | null
  readonly startedAt: number
  readonly endedAt: number
}

export interface RunHost extends AttemptHost {
  /** In [0, 1): spreads the delays of retries. */
  readonly random: () => number
}

export class GraphRun {
  readonly id: string
  readonly #number: number
  readonly #depth: number
  readonly #plan: RunPlan
  readonly #host: RunHost
  readonly #startedAt: number
  readonly #running = new Map<number, Attempt>()
  readonly #begunAt = new Map<number, number>()
  readonly #backoffs = new Map<number, Timer>()
  readonly #outputs: (string | undefined)[] = []
  readonly #ended = Promise.withResolvers<RunOutcome>()
  #graph: GraphState | undefined
  #failure: HeadgateError | undefined
  #cancelled: HeadgateError | undefined

  /** `depth`: calls by `ctx.invoke` above it. */
  constructor(plan: RunPlan, host: RunHost, number: number, depth: number) {
    this.#depth = depth
    this.id = `${host.facts.boot}-${number}`
    this.#number = number
    this.#plan = plan
    this.#host = host
    this.#startedAt = host.clock.now()
  }

  get ended(): Promise<RunOutcome> {
    return this.#ended.promise
  }

  start(): void {
    const { state, effects } = startGraph(this.#plan.graph)
    this.#graph = state
    this.#carryOut(effects)
  }

  cancel(error: HeadgateError): void {
    this.#cancelled ??= error
    if (this.#graph === undefined) this.#finish('cancelled')
    else this.#step({ type: 'cancel' })
  }

  #step(event: GraphEvent): void {
    this.#carryOut(this.#take(event))
  }

  /** Moves the state on; its effects are still to be carried out. */
  #take(event: GraphEvent): readonly GraphEffect[] {
    if (this.#graph === undefined) return []
    const { state, effects } = stepGraph(this.#plan.graph, this.#graph, event)
    this.#graph = state
    return effects
  }

  #carryOut(effects: readonly GraphEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'dispatch':
          this.#dispatch(effect.task, effect.attempt, 0)
          break
        case 'retry':
          this.#backOff(effect.task, effect.delayMs)
          break
        case 'abort':
          this.#running.get(effect.task)?.abort(this.#cause())
          break
        case 'finished':
          this.#finish(effect.outcome)
          break
      }
    }
  }

  #backOff(task: number, delayMs: number): void {
    const goOn = (): void => {
      this.#backoffs.delete(task)
      for (const effect of this.#take({ type: 'retryDue', task })) {
        if (effect.type === 'dispatch') this.#dispatch(effect.task, effect.attempt, delayMs)
        else this.#carryOut([effect])
      }
    }
    this.#backoffs.set(task, this.#host.clock.after(delayMs, goOn, { keepAlive: true }))
  }

  #dispatch(index: number, attempt: number, delayMs: number): void {
    const task = this.#plan.tasks[index]
    if (task === undefined) return
    const { loaded, timeoutMs } = task
    this.#begunAt.set(index, this.#host.clock.now())
    this.#host.observe({ type: 'begun', ...this.#of(index), attempt, delayMs, timeoutMs })
    const begun = new Attempt(
      this.#host,
      {
        task: loaded,
        timeoutMs,
        attempt,
        run: this.#number,
        depth: this.#depth,
        body: this.#plan.body(index, this.#outputs),
      },
      (outcome) => this.#attemptEnded(index, attempt, outcome),
    )
    this.#running.set(index, begun)
  }

  #attemptEnded(index: number, attempt: number, outcome: AttemptOutcome): void {
    this.#running.delete(index)
    const facts = this.#of(index)
    const tookMs = facts.at - (this.#begunAt.get(index) ?? facts.at)
    const ended = { type: 'ended', ...facts, attempt, tookMs } as const
    if (typeof outcome === 'string') {
      this.#outputs[index] = outcome
      const effects = this.#take({ type: 'succeeded', task: index, attempt })
      this.#host.observe({ ...ended, outcome: 'succeeded', error: null, retryInMs: null })
      this.#carryOut(effects)
      return
    }
    const { retry: policy } = this.#plan.graph.tasks[index] ?? {}
    const { code, message, terminal } = retryFacts(outcome, policy)
    const effects = this.#take({
      type: 'failed',
      task: index,
      attempt,
      error: { code, message, terminal },
      random: this.#host.random(),
    })
    const status = this.#graph?.tasks[index]?.status
    if (status === 'failed') this.#failure ??= callError(outcome, this.#label(index))
    const retry = effects.find((effect) => effect.type === 'retry')
    this.#host.observe({
      ...ended,
      outcome: status === 'cancelled' ? 'cancelled' : 'failed',
      error: { code, message },
      retryInMs: retry?.delayMs ?? null,
    })
    this.#carryOut(effects)
  }

  #finish(status: GraphOutcome): void {
    for (const timer of this.#backoffs.values()) timer.cancel()
    const outputs = new Map<string, string>()
    for (const [index, { loaded }] of this.#plan.tasks.entries()) {
      const output = this.#outputs[index]
      if (output !== undefined) outputs.set(loaded.task.name, output)
    }
    this.#ended.resolve({
      id: this.id,
      status,
      answer: status === 'succeeded' ? this.#plan.answer(this.#outputs) : null,
      outputs,
      error: status === 'succeeded' ? null : this.#cause(),
      startedAt: this.#startedAt,
      endedAt: this.#host.clock.now(),
    })
  }

  #cause(): HeadgateError {
    return (
      this.#cancelled ??
      this.#failure ??
      new HeadgateError('INTERNAL', { why: 'a run ended without a cause' })
    )
  }

  #of(index: number): { readonly at: number; readonly run: string; readonly task: string } {
    return { at: this.#host.clock.now(), run: this.id, task: this.#label(index) }
  }

  #label(index: number): string {
    return this.#plan.tasks[index]?.loaded.label ?? ''
  }
}
