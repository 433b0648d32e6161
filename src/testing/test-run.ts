/**
 * The record of one run, as a test reads it.
 */

import type { HeadgateError } from '../base/errors.ts'
import type { GraphOutcome } from '../domain/graph-reducer.ts'
import { readFields } from '../hosting/package-output.ts'
import type { RunOutcome } from './graph-run.ts'
import type { RunEvent } from './run-events.ts'

/** Times are of the kit's clock, ms since 1970. */
export interface TestAttempt {
  /** Name of the task. */
  readonly task: string
  /** From 1. */
  readonly attempt: number
  readonly startedAt: number
  readonly endedAt: number
  /** Waited before it, ms; 0 for the first. */
  readonly delayMs: number
  readonly outcome: 'succeeded' | 'failed' | 'cancelled'
  /** null: it succeeded. `code`: the author's own where there is one, as `retryOn` compares it. */
  readonly error: { readonly code: string; readonly message: string } | null
}

export interface TestLog {
  readonly at: number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Name of the task; null: written by `setup`. */
  readonly task: string | null
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface TestProgress {
  readonly at: number
  readonly task: string
  readonly fraction: number
  readonly note: string | null
}

/** What runs of a workflow and of one task have in common. */
interface TestRecord {
  /** What tasks saw as `ctx.run`. */
  readonly id: string
  readonly status: GraphOutcome
  /** What a caller of the executor is refused with; null: the run succeeded. */
  readonly error: HeadgateError | null
  /** In the order in which they began. */
  readonly attempts: readonly TestAttempt[]
  readonly logs: readonly TestLog[]
  readonly progress: readonly TestProgress[]
  readonly startedAt: number
  readonly endedAt: number
}

/** `Outputs`: what the tasks return, by name. */
export interface WorkflowTestRun<Outputs> extends TestRecord {
  /** What a caller of the executor is answered: the outputs of the tasks nothing depends on. */
  readonly output: Partial<Outputs> | undefined
  /** Of every task that succeeded. */
  readonly outputs: Partial<Outputs>
  /** The outputs of all tasks; throws `error` when the run did not succeed. */
  unwrap(): Outputs
}

export interface TaskTestRun<Output> extends TestRecord {
  readonly output: Output | undefined
  /** The output; throws `error` when the run did not succeed. */
  unwrap(): Output
}

/** `events`: those of this run. Of which type its values are, says the caller. */
export function workflowTestRun<Outputs>(
  outcome: RunOutcome,
  events: readonly RunEvent[],
): WorkflowTestRun<Outputs> {
  const outputs: Readonly<Record<string, unknown>> = Object.fromEntries(
    [...outcome.outputs].map(([task, json]) => [task, JSON.parse(json)]),
  )
  return Object.freeze({
    ...recordOf(outcome, events),
    output: answerOf(outcome) as Partial<Outputs> | undefined,
    outputs: outputs as Partial<Outputs>,
    unwrap: () => unwrap(outcome, outputs) as Outputs,
  })
}

export function taskTestRun<Output>(
  outcome: RunOutcome,
  events: readonly RunEvent[],
): TaskTestRun<Output> {
  const output = answerOf(outcome)
  return Object.freeze({
    ...recordOf(outcome, events),
    output: output as Output | undefined,
    unwrap: () => unwrap(outcome, output) as Output,
  })
}

function recordOf(outcome: RunOutcome, events: readonly RunEvent[]): TestRecord {
  const { id, status, error, startedAt, endedAt } = outcome
  return {
    id,
    status,
    error,
    attempts: attemptsOf(events),
    logs: logsOf(events),
    progress: progressOf(events),
    startedAt,
    endedAt,
  }
}

function answerOf({ answer }: RunOutcome): unknown {
  return answer === null ? undefined : JSON.parse(answer)
}

function unwrap({ error }: RunOutcome, value: unknown): unknown {
  if (error !== null) throw error
  return value
}

export function logsOf(events: readonly RunEvent[]): TestLog[] {
  return events.flatMap((event) => {
    if (event.type !== 'log' || event.level === 'stdout' || event.level === 'stderr') return []
    const { at, level, task, message, fields } = event
    return [
      {
        at,
        level,
        task: task === null ? null : taskName(task),
        message,
        fields: fields === null ? {} : readFields(fields),
      },
    ]
  })
}

function progressOf(events: readonly RunEvent[]): TestProgress[] {
  return events.flatMap((event) => {
    if (event.type !== 'progress') return []
    const { at, task, fraction, note } = event
    return [{ at, task: taskName(task), fraction, note }]
  })
}

/** Those that have ended; when a run has, all have. `events`: of one run. */
export function attemptsOf(events: readonly RunEvent[]): TestAttempt[] {
  return events.flatMap((begun) => {
    if (begun.type !== 'begun') return []
    const { task, attempt, at: startedAt, delayMs } = begun
    const ended = events.find(
      (event) => event.type === 'ended' && event.task === task && event.attempt === attempt,
    )
    if (ended?.type !== 'ended') return []
    const { at: endedAt, outcome, error } = ended
    return [{ task: taskName(task), attempt, startedAt, endedAt, delayMs, outcome, error }]
  })
}

/** `workflow::task` → `task`. */
function taskName(label: string): string {
  return label.slice(label.indexOf('::') + 2)
}
