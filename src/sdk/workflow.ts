/**
 * The builder of one workflow. It records what the author wrote and runs nothing; the executor
 * checks the record when it loads the package.
 */

import type { TaskContext } from './context.ts'
import type { TaskDefinition, WorkflowDefinition } from './definition.ts'
import type { AnyEnvironment, Environment } from './environment.ts'
import type { JsonOf } from './json.ts'
import type { SchemaOutput, StandardSchema } from './standard-schema.ts'

/** Milliseconds, or a number with its unit: `200ms`, `30s`, `5m`, `1h`, `2d`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

export interface RetryOptions {
  /** Total tries, the first included, 1 to 100. Default 3. */
  readonly attempts?: number
  /** How the wait grows from try to try. Default `exponential`. */
  readonly backoff?: 'fixed' | 'linear' | 'exponential'
  /** Wait after the first try. Default 1 s. */
  readonly delay?: Duration
  /** No wait is longer. Default 30 s, or `delay` when that is longer. */
  readonly maxDelay?: Duration
  /** Spreads each wait by a quarter either way. Default true. */
  readonly jitter?: boolean
  /** Error codes worth another try. Default: all but those of a TerminalError. */
  readonly retryOn?: readonly string[]
}

export interface WorkflowOptions<Schema extends StandardSchema | undefined> {
  readonly description?: string
  /** Checked in the worker thread before the first task. Default: the input is passed as it is. */
  readonly input?: Schema
  /** A run stays on the version it began with. */
  readonly versioning?: 'pinned'
}

export interface TaskOptions<Input, Env extends Environment, Deps, Dep extends string, Output> {
  /** Tasks whose outputs this one needs; it runs when all of them succeeded. Default none. */
  readonly after?: readonly Dep[]
  /** Default: one try. */
  readonly retry?: RetryOptions
  /** From the start of each try. Default 60 s. */
  readonly timeout?: Duration
  /** The output depends on input and dependencies alone, and nothing outside is changed. */
  readonly pure?: boolean
  /** `deps`: the outputs of the tasks named in `after`, by name. */
  readonly run: (
    deps: Deps,
    ctx: TaskContext<Input, Env['config'], Env['secrets'], Env['resources']>,
  ) => Output | Promise<Output>
}

/** A workflow that a package which gives `Env` may contain. */
export interface WorkflowFor<Env extends Environment> extends WorkflowDefinition {
  /** Never present at run time: makes a workflow of another environment a compile error. */
  readonly '~environment'?: (given: Env) => void
}

/** `Outputs`: what the tasks so far return, by task name. Immutable: `task` makes a new one. */
export interface Workflow<Input, Env extends Environment, Outputs> extends WorkflowFor<Env> {
  task<const Name extends string, const Dep extends keyof Outputs & string = never, Output = never>(
    name: NewName<Name, Outputs>,
    options: TaskOptions<Input, Env, Pick<Outputs, Dep>, Dep, Output> & OnlyJson<Output, Name>,
  ): Workflow<Input, Env, Outputs & { readonly [K in Name]: Output }>
}

/** Refuses what JSON would lose, with its place; says nothing when the output is JSON. */
type OnlyJson<Output, Name extends string> = [Output] extends [JsonOf<Output, Name>]
  ? unknown
  : { readonly run: (...args: never) => JsonOf<Output, Name> | Promise<JsonOf<Output, Name>> }

type NewName<Name extends string, Outputs> = Name extends keyof Outputs
  ? `the workflow already has a task ${Name}`
  : Name

export type InputOf<Schema> = Schema extends StandardSchema ? SchemaOutput<Schema> : unknown

/** A workflow begins without tasks. */
export type NewWorkflow<Schema, Env extends Environment> = Workflow<
  InputOf<Schema>,
  Env,
  Readonly<Record<never, never>>
>

/** Begins a workflow; tasks follow with `.task(name, options)`. */
export function workflow<const Schema extends StandardSchema | undefined = undefined>(
  name: string,
  options: WorkflowOptions<Schema> = {},
): NewWorkflow<Schema, AnyEnvironment> {
  const { input, ...rest } = options
  const begun: unknown = extend({ name, options: Object.freeze(rest), input, tasks: [] })
  return begun as NewWorkflow<Schema, AnyEnvironment>
}

type Builder = WorkflowDefinition & {
  readonly task: (name: string, options: UntypedTaskOptions) => Builder
}

type UntypedTaskOptions = Readonly<Record<string, unknown>> & Pick<TaskDefinition, 'run'>

/** Types are the callers' affair: here a workflow is only a record that grows. */
function extend(definition: WorkflowDefinition): Builder {
  const tasks = Object.freeze([...definition.tasks])
  return Object.freeze({
    ...definition,
    tasks,
    task: (name: string, { run, ...options }: UntypedTaskOptions) => {
      const task = Object.freeze({ name, options: Object.freeze(options), run })
      return extend({ ...definition, tasks: [...tasks, task] })
    },
  })
}
