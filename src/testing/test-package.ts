/**
 * The authors' test kit: runs the workflows of a package in the test's own process, on a clock of
 * its own.
 *
 * Owns: the kit's interface.
 * Does not own: running (local-package.ts), time (fake-clock.ts).
 */

import { HeadgateError } from '../base/errors.ts'
import { parseDuration } from '../domain/duration.ts'
import { bodyText } from '../hosting/body.ts'
import { isDefinition } from '../hosting/definition.ts'
import type { PackageDefinition } from '../sdk/definition.ts'
import type { Environment } from '../sdk/environment.ts'
import type { Duration, Workflow } from '../sdk/workflow.ts'
import { FakeClock } from './fake-clock.ts'
import type { RunOutcome } from './graph-run.ts'
import { Journal } from './journal.ts'
import { type LocalPackage, openLocalPackage } from './local-package.ts'
import {
  logsOf,
  type TaskTestRun,
  taskTestRun,
  type TestLog,
  type WorkflowTestRun,
  workflowTestRun,
} from './test-run.ts'
import { resolveTestOptions, type TestOptions } from './test-options.ts'

export interface RunOptions {
  /** Cancels the run: its attempts are aborted and it ends as `cancelled`. */
  readonly signal?: AbortSignal
}

export interface TaskCallOptions extends RunOptions {
  /** The workflow's input; its schema is checked. Default none. */
  readonly input?: unknown
  /** Outputs of the tasks named in `after`, by name. Default none. */
  readonly deps?: Readonly<Record<string, unknown>>
}

export interface TestClock {
  /** ms since 1970. */
  now(): number
  /**
   * Lets time pass, whatever runs: timeouts and waits that end in it do so one after the other, each
   * at its own time. Resolves when what follows from them has happened, as far as it does not wait
   * for anything outside.
   */
  advance(duration: Duration): Promise<void>
}

/** `workflow`: the object, which types what comes back, or its name. */
export interface TestKit {
  readonly clock: TestClock
  /** Of all runs and of `setup`, in order. */
  readonly logs: readonly TestLog[]
  /**
   * Runs a workflow to its end. What fails in it is in the record; rejects only for what would be no
   * run: UNKNOWN_WORKFLOW, INPUT_NOT_JSON, PAYLOAD_TOO_LARGE, EXECUTOR_CLOSING after close().
   */
  run<Input, Env extends Environment, Outputs>(
    workflow: Workflow<Input, Env, Outputs>,
    input?: unknown,
    options?: RunOptions,
  ): Promise<WorkflowTestRun<Outputs>>
  run<Outputs = Readonly<Record<string, unknown>>>(
    workflow: string,
    input?: unknown,
    options?: RunOptions,
  ): Promise<WorkflowTestRun<Outputs>>
  /** Runs one task alone, with its retry policy. Rejects as `run`, and for UNKNOWN_TASK. */
  task<Input, Env extends Environment, Outputs, Name extends keyof Outputs & string>(
    workflow: Workflow<Input, Env, Outputs>,
    task: Name,
    call?: TaskCallOptions,
  ): Promise<TaskTestRun<Outputs[Name]>>
  task<Output = unknown>(
    workflow: string,
    task: string,
    call?: TaskCallOptions,
  ): Promise<TaskTestRun<Output>>
  /**
   * Resolves when this attempt (default: the first) of the task runs: at once when it does. What
   * hangs can then be given time: `await kit.clock.advance('30s')`.
   */
  begun(task: string, attempt?: number): Promise<void>
  /** Cancels what runs, then `teardown`; rejects with what that threw. The same promise each time. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Loads `definition` as an executor would: its options and graphs are checked, its secrets must be
 * given, its configuration passes its schema, `setup` and `probe` run. Rejects with what the executor
 * would refuse the version with: DEFINITION_INVALID, GRAPH_INVALID, NAME_INVALID, NOT_YET,
 * CONTRACT_UNSUPPORTED, CONFIG_MISSING, SETUP_FAILED, PROBE_FAILED; OPTION_INVALID for `options`.
 *
 * ```ts
 * await using kit = await testPackage(definition, { secrets: { DB_PASSWORD: 'x' } })
 * const run = await kit.run(analytics, { day: '2001-01-26' })
 * assert.deepEqual(run.attempts.map(({ task, delayMs }) => [task, delayMs]), [['extract_data', 0], …])
 * ```
 *
 * Graph, retries, contexts, checks of inputs and outputs (JSON, copied on every way) are the
 * executor's own code. Different from it:
 *
 * - Time is the kit's. It stands while the code of a task, a schema or `options.invoke` may go on,
 *   however long that takes; waits before retries pass at once when all runs of the kit do nothing
 *   but wait (for a retry, or by `ctx.invoke` for a run that does). Timeouts come only by
 *   `clock.advance()`, or when the task waits for such a run for longer. `Date.now()` and timers of
 *   the package itself are real.
 * - Everything runs in the test's thread: a task that blocks it blocks the test, one that ignores
 *   its signal after a timeout runs on unseen, `process.exit` ends the test, and neither permissions
 *   nor limits of memory or of tasks at once are in force.
 * - There is one generation and no swap. Progress and logs are all recorded, none are conflated or
 *   dropped. `console` writes where the test writes.
 * - Outputs are typed as the tasks declare them; a task that is skipped has none.
 */
export async function testPackage(
  definition: PackageDefinition,
  options: TestOptions = {},
): Promise<TestKit> {
  const resolved = resolveTestOptions(options)
  const { tenant, package: name, version, generation, invoke, ...rest } = resolved
  if (!isDefinition(definition)) {
    const why = 'testPackage takes what definePackage() returned'
    throw new HeadgateError('DEFINITION_INVALID', { package: name, version, why })
  }
  const clock = new FakeClock(rest.now)
  const journal = new Journal()
  const local = await openLocalPackage(definition, {
    identity: { tenant, package: name, version, generation },
    boot: 'test',
    config: rest.config,
    secrets: rest.secrets,
    maxPayloadBytes: rest.maxPayloadBytes,
    clock,
    random: rest.random,
    observe: (event) => journal.add(event),
    others: invoke && ((namespace, input, wanted) => invoke(namespace, input, { version: wanted })),
  })
  return new Kit(definition, local, clock, journal)
}

interface Named {
  readonly name: string
}

class Kit implements TestKit {
  readonly clock: TestClock
  readonly #definition: PackageDefinition
  readonly #local: LocalPackage
  readonly #journal: Journal

  constructor(
    definition: PackageDefinition,
    local: LocalPackage,
    clock: FakeClock,
    journal: Journal,
  ) {
    this.#definition = definition
    this.#local = local
    this.#journal = journal
    this.clock = {
      now: () => clock.now(),
      advance: (duration) => clock.advance(parseDuration(duration)),
    }
  }

  get logs(): readonly TestLog[] {
    return logsOf(this.#journal.all)
  }

  async run<Outputs>(
    workflow: string | Named,
    input?: unknown,
    { signal }: RunOptions = {},
  ): Promise<WorkflowTestRun<Outputs>> {
    const outcome = await this.#call(workflow, null, input, signal)
    return workflowTestRun(outcome, this.#journal.ofRun(outcome.id))
  }

  async task<Output>(
    workflow: string | Named,
    task: string,
    { signal, ...body }: TaskCallOptions = {},
  ): Promise<TaskTestRun<Output>> {
    const outcome = await this.#call(workflow, task, body, signal)
    return taskTestRun(outcome, this.#journal.ofRun(outcome.id))
  }

  begun(task: string, attempt = 1): Promise<void> {
    return this.#journal.begun(task, attempt)
  }

  close(): Promise<void> {
    return this.#local.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #call(
    workflow: string | Named,
    task: string | null,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<RunOutcome> {
    const text = body === undefined ? '' : bodyText(body)
    return this.#local.run(this.#nameOf(workflow), task, text, signal)
  }

  /** A workflow object must be the one the package has, not another of its name. */
  #nameOf(workflow: string | Named): string {
    if (typeof workflow === 'string') return workflow
    const own = this.#definition.workflows.find(({ name }) => name === workflow.name)
    if (own === undefined || own === workflow) return workflow.name
    throw new HeadgateError('OPTION_INVALID', {
      option: 'workflow',
      why: `the package has another workflow of the name ${workflow.name} than the one given`,
    })
  }
}
