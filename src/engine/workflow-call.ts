/**
 * A direct call of a workflow: drives the graph reducer in memory, all tasks on one generation.
 *
 * Owns: carrying out the reducer's effects, the outputs between tasks (as JSON text, never parsed
 * here), the answer.
 * Does not own: what comes next (domain/graph-reducer.ts).
 *
 * F1  The invoke is in the generation's ledger from its first task to its last.
 * F2  A lost thread or an ended generation ends the invoke: its tasks are not run a second time
 *     without a retry policy that says so.
 * F3  The answer is `{"<task>": output}` of the tasks nothing depends on.
 */

import { HeadgateError } from '../base/errors.ts'
import type { WorkflowDescriptor } from '../domain/descriptor.ts'
import {
  type GraphEffect,
  type GraphEvent,
  type GraphState,
  startGraph,
  stepGraph,
} from '../domain/graph-reducer.ts'
import type { Caller } from '../domain/call-depth.ts'
import { unknownTask } from '../domain/unknown-task.ts'
import { taskBody, workflowAnswer } from '../domain/workflow-values.ts'
import type { Generation } from '../generation/generation.ts'
import type { TaskRequest } from '../generation/task-request.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'
import type { WorkflowStart } from '../routing/dispatcher.ts'
import { callError, retryFacts } from '../hosting/call-error.ts'
import type { Settle, Surroundings } from './surroundings.ts'

export class WorkflowCall implements WorkflowStart {
  readonly seq: number
  readonly depth: number
  /** Its number; its tasks say it. */
  readonly run: number
  readonly #name: string
  readonly #input: string
  readonly #settle: Settle
  readonly #surroundings: Surroundings
  #generation: Generation | undefined
  #workflow: WorkflowDescriptor | undefined
  #graph: GraphState | undefined
  #outputs: (string | undefined)[] = []
  #running = new Map<number, TaskOfWorkflow>()
  #failure: HeadgateError | undefined
  #cancelled: HeadgateError | undefined
  #epoch = 0
  #settled = false

  /** `input`: JSON text, empty for none. `parent`: the call whose task makes it; none: it is from outside. */
  constructor(
    run: number,
    name: string,
    input: string,
    settle: Settle,
    surroundings: Surroundings,
    parent: Caller | undefined,
  ) {
    this.seq = parent === undefined ? run : parent.seq
    this.depth = parent === undefined ? 0 : parent.depth + 1
    this.run = run
    this.#name = name
    this.#input = input
    this.#settle = settle
    this.#surroundings = surroundings
  }

  startOn(generation: Generation): void {
    if (this.#settled) return
    this.#epoch = this.#surroundings.epoch()
    const workflow = generation.descriptor?.workflows.find((one) => one.name === this.#name)
    if (workflow === undefined) {
      this.#end(unknownTask(generation, this.#name))
      return
    }
    generation.ledger.bind('workflow')
    this.#generation = generation
    this.#workflow = workflow
    const { state, effects } = startGraph(workflow)
    this.#graph = state
    this.#carryOut(effects)
  }

  onFailure(error: HeadgateError): void {
    this.#end(error)
  }

  /** The caller wants it no longer. */
  cancel(error: HeadgateError): void {
    if (this.#settled) return
    if (this.#graph === undefined) {
      this.#end(error)
      return
    }
    this.#cancelled = error
    this.#step({ type: 'cancel' })
  }

  taskEnded(task: TaskOfWorkflow, json: string): void {
    this.#running.delete(task.index)
    this.#outputs[task.index] = json
    this.#step({ type: 'succeeded', task: task.index, attempt: task.attempt })
  }

  taskFailed(task: TaskOfWorkflow, fault: TaskFault | HeadgateError): void {
    this.#running.delete(task.index)
    const error = retryFacts(fault, this.#workflow?.tasks[task.index]?.retry)
    const before = this.#graph
    this.#lastFault = callError(fault, task.key)
    this.#step({
      type: 'failed',
      task: task.index,
      attempt: task.attempt,
      error,
      random: Math.random(),
    })
    const state = before === this.#graph ? undefined : this.#graph?.tasks[task.index]
    if (state?.status === 'failed') this.#failure ??= this.#lastFault
    if (fault instanceof HeadgateError && error.terminal && !this.#settled) {
      this.#cancelled ??= fault
      this.#step({ type: 'cancel' })
    }
  }

  #lastFault: HeadgateError | undefined

  #step(event: GraphEvent): void {
    if (this.#workflow === undefined || this.#graph === undefined) return
    const { state, effects } = stepGraph(this.#workflow, this.#graph, event)
    this.#graph = state
    this.#carryOut(effects)
  }

  #carryOut(effects: readonly GraphEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'dispatch':
          this.#dispatch(effect.task, effect.attempt)
          break
        case 'retry':
          this.#surroundings.backoff(this.#generation as Generation, effect.delayMs, () =>
            this.#step({ type: 'retryDue', task: effect.task }),
          )
          break
        case 'abort':
          this.#abort(effect.task)
          break
        case 'finished':
          this.#finish(effect.outcome)
          break
      }
    }
  }

  #dispatch(index: number, attempt: number): void {
    const generation = this.#generation as Generation
    const workflow = this.#workflow
    const task = workflow?.tasks[index]
    if (workflow === undefined || task === undefined) return
    const request = new TaskOfWorkflow(this, {
      index,
      attempt,
      key: `${this.#name}::${task.name}`,
      body: taskBody(workflow, task.after, this.#input, this.#outputs),
    })
    this.#running.set(index, request)
    if (generation.live) this.#surroundings.enqueueOn(generation, request)
    else request.onFailure(this.#surroundings.ended(generation, request.key))
  }

  #abort(index: number): void {
    const request = this.#running.get(index)
    if (request === undefined) return
    const why = this.#cancelled ?? new HeadgateError('TASK_ABORTED', { why: 'the workflow ended' })
    this.#generation?.cancel(request, why.message)
    request.onFailure(why)
  }

  #finish(outcome: 'succeeded' | 'failed' | 'cancelled'): void {
    if (outcome === 'succeeded' && this.#workflow !== undefined) {
      this.#end(null, workflowAnswer(this.#workflow, this.#outputs))
    } else {
      const error = this.#cancelled ?? this.#failure ?? this.#lastFault
      this.#end(error ?? new HeadgateError('INTERNAL', { why: 'a workflow ended without a cause' }))
    }
  }

  #end(error: HeadgateError | null, json = ''): void {
    if (this.#settled) return
    this.#settled = true
    const killed = error?.code === 'GENERATION_TERMINATED'
    const generation = this.#generation
    try {
      if (error !== null) this.#settle.failed(error, generation, this.#epoch)
      else if (generation !== undefined) this.#settle.ok(json, generation, this.#epoch)
      generation?.ledger.answered()
    } finally {
      generation?.ledger.release('workflow', killed ? 'killed' : 'ended')
    }
  }
}

/** One attempt of one task of a workflow invoke. */
class TaskOfWorkflow implements TaskRequest {
  readonly seq: number
  readonly depth: number
  readonly run: number
  readonly index: number
  readonly attempt: number
  readonly key: string
  readonly body: string
  readonly pinned = true
  readonly #call: WorkflowCall
  #ended = false

  constructor(
    call: WorkflowCall,
    facts: {
      readonly index: number
      readonly attempt: number
      readonly key: string
      readonly body: string
    },
  ) {
    this.#call = call
    this.seq = call.seq
    this.depth = call.depth
    this.run = call.run
    this.index = facts.index
    this.attempt = facts.attempt
    this.key = facts.key
    this.body = facts.body
  }

  onBound(): void {}

  onMoved(): void {}

  onSuccess(json: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#call.taskEnded(this, json)
  }

  onFailure(fault: TaskFault | HeadgateError): void {
    if (this.#ended) return
    this.#ended = true
    this.#call.taskFailed(this, fault)
  }
}
