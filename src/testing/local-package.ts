/**
 * A package in this thread, without an executor: set up, probed, called and torn down by the rules
 * of one.
 *
 * Owns: looking up what is called, the plans of runs, `ctx.invoke`, the runs that have not ended.
 * Does not own: time (the clock it is given), one run (graph-run.ts).
 */

import { HeadgateError, messageOf } from '../base/errors.ts'
import { checkDepth } from '../domain/call-depth.ts'
import { type PackageDescriptor, parseDescriptor } from '../domain/descriptor.ts'
import { parseNamespace } from '../domain/namespace.ts'
import { unknownTask } from '../domain/unknown-task.ts'
import { matchVersion } from '../domain/version-policy.ts'
import { taskBody, workflowAnswer } from '../domain/workflow-values.ts'
import { unknownPackage } from '../domain/unknown-package.ts'
import { bodyText, checkPayload } from '../hosting/body.ts'
import { describe, type LoadedTask, loadedTasks } from '../hosting/definition.ts'
import { fieldsText, taskLog } from '../hosting/package-output.ts'
import { type Prepared, probe, setUp } from '../hosting/prepare.ts'
import { codedRefusal } from '../hosting/refusal.ts'
import type { TaskLog } from '../sdk/context.ts'
import type { PackageDefinition } from '../sdk/definition.ts'
import type { NestedCall } from './attempt.ts'
import { GraphRun, type RunHost, type RunOutcome, type RunPlan } from './graph-run.ts'
import type { PacedClock } from './paced-clock.ts'
import type { Observe } from './run-events.ts'

export interface LocalIdentity {
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly generation: number
}

export interface LocalOptions {
  readonly identity: LocalIdentity
  /** Ids of runs begin with it. */
  readonly boot: string
  /** The operator's, unchecked. */
  readonly config: unknown
  readonly secrets: Readonly<Record<string, string>>
  readonly maxPayloadBytes: number
  readonly clock: PacedClock
  /** In [0, 1): spreads the delays of retries. */
  readonly random: () => number
  readonly observe: Observe
  /** Answers calls of other packages; undefined: there are none. */
  readonly others:
    | ((namespace: string, input: unknown, version: string | null) => unknown)
    | undefined
}

/** Throws what an executor would refuse the version with. */
export async function openLocalPackage(
  definition: PackageDefinition,
  options: LocalOptions,
): Promise<LocalPackage> {
  const { identity, config, secrets } = options
  const descriptor = parseDescriptor(describe(definition), identity)
  const ending = new AbortController()
  const context = { ...identity, config, secrets, log: setupLog(options), signal: ending.signal }
  try {
    const prepared = await setUp(definition, context)
    try {
      await probe(definition, prepared.resources)
    } catch (error) {
      // Its own failure would hide why the package was refused.
      await tearDown(definition, prepared.resources).catch(() => {})
      throw error
    }
    return new LocalPackage(definition, descriptor, prepared, ending, options)
  } catch (error) {
    throw codedRefusal(error, identity)
  }
}

export class LocalPackage {
  readonly descriptor: PackageDescriptor
  readonly #definition: PackageDefinition
  readonly #resources: unknown
  readonly #ending: AbortController
  readonly #options: LocalOptions
  readonly #host: RunHost
  readonly #tasks: ReadonlyMap<string, LoadedTask>
  readonly #runs = new Set<GraphRun>()
  #runNumber = 0
  #closing: Promise<void> | undefined

  constructor(
    definition: PackageDefinition,
    descriptor: PackageDescriptor,
    { config, resources }: Prepared,
    ending: AbortController,
    options: LocalOptions,
  ) {
    this.descriptor = descriptor
    this.#definition = definition
    this.#resources = resources
    this.#ending = ending
    this.#options = options
    this.#tasks = new Map(loadedTasks(definition).map((task) => [task.label, task]))
    const { identity, boot, secrets, clock, random, observe, maxPayloadBytes } = options
    this.#host = {
      clock,
      random,
      observe,
      facts: { ...identity, boot, config, secrets, resources },
      maxResultBytes: maxPayloadBytes,
      invoke: (call) => this.#invoke(call),
    }
  }

  /**
   * `body`: JSON text, empty for none: a workflow's input, or `{ input?, deps? }` of one task.
   * `depth`: calls by `ctx.invoke` above it.
   * Rejects only what is not a run: UNKNOWN_WORKFLOW, UNKNOWN_TASK, PAYLOAD_TOO_LARGE,
   * EXECUTOR_CLOSING.
   */
  async run(
    workflow: string,
    task: string | null,
    body: string,
    signal?: AbortSignal,
    depth = 0,
  ): Promise<RunOutcome> {
    if (this.#closing !== undefined) throw new HeadgateError('EXECUTOR_CLOSING')
    checkPayload(body, this.#options.maxPayloadBytes)
    const plan = this.#plan(workflow, task, body)
    const run = new GraphRun(plan, this.#host, ++this.#runNumber, depth)
    const cancel = (): void =>
      run.cancel(new HeadgateError('TASK_ABORTED', { why: messageOf(signal?.reason) }))
    this.#runs.add(run)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      if (signal?.aborted === true) cancel()
      else run.start()
      return await run.ended
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.#runs.delete(run)
    }
  }

  /** Cancels what runs, then tears down. Rejects with what `teardown` threw. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const run of this.#runs) {
      run.cancel(new HeadgateError('TASK_ABORTED', { why: 'the package was closed' }))
    }
    this.#ending.abort(new Error('the generation ends'))
    await tearDown(this.#definition, this.#resources)
  }

  #plan(name: string, taskName: string | null, body: string): RunPlan {
    const key = taskName === null ? name : `${name}::${taskName}`
    const workflow = this.descriptor.workflows.find((one) => one.name === name)
    if (workflow === undefined) throw this.#unknown(key)
    const tasks = workflow.tasks.flatMap((task) => {
      const loaded = this.#tasks.get(`${name}::${task.name}`)
      return loaded === undefined ? [] : [{ loaded, ...task }]
    })
    if (taskName === null) {
      return {
        graph: workflow,
        tasks,
        body: (index, outputs) =>
          taskBody(workflow, workflow.tasks[index]?.after ?? [], body, outputs),
        answer: (outputs) => workflowAnswer(workflow, outputs),
      }
    }
    const task = tasks.find((one) => one.name === taskName)
    if (task === undefined) throw this.#unknown(key)
    return {
      graph: { tasks: [{ after: [], dependents: [], retry: task.retry }] },
      tasks: [task],
      body: () => body,
      answer: ([output]) => output ?? 'null',
    }
  }

  #unknown(key: string): HeadgateError {
    return unknownTask({ ...this.#options.identity, descriptor: this.descriptor }, key)
  }

  /** Rejects with what it is refused with in an executor. */
  async #invoke({ input, signal, unheld, ...call }: NestedCall): Promise<unknown> {
    const namespace = String(call.namespace)
    const wanted = call.version === null ? null : String(call.version)
    const depth = call.depth + 1
    const text = bodyText(input)
    const { identity, others } = this.#options
    const { tenant, package: name, workflow, task } = parseNamespace(namespace)
    const isOwn = tenant === identity.tenant && name === identity.package
    if (!isOwn && (others === undefined || tenant !== identity.tenant)) {
      throw unknownPackage({ tenant, package: name })
    }
    if (signal.aborted) {
      throw new HeadgateError('TASK_ABORTED', { why: 'the task that called has ended' })
    }
    checkDepth(depth, namespace)
    if (isOwn) {
      this.#checkPin(wanted)
      const outcome = await unheld(() => this.run(workflow, task, text, signal, depth))
      if (outcome.error !== null) throw outcome.error
      return JSON.parse(outcome.answer ?? 'null')
    }
    const given = text === '' ? undefined : JSON.parse(text)
    const answer = await Promise.race([others?.(namespace, given, wanted), aborted(signal)])
    return JSON.parse(JSON.stringify(answer) ?? 'null')
  }

  #checkPin(wanted: string | null): void {
    const { package: name, version } = this.#options.identity
    if (wanted === null || matchVersion(wanted, [version]) !== null) return
    throw new HeadgateError('NO_MATCHING_VERSION', { package: name, wanted, present: version })
  }
}

async function tearDown(definition: PackageDefinition, resources: unknown): Promise<void> {
  await definition.teardown?.(resources)
}

/** Rejects when it aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener(
      'abort',
      () => reject(new HeadgateError('TASK_ABORTED', { why: messageOf(signal.reason) })),
      { once: true },
    ),
  )
}

function setupLog({ clock, observe }: LocalOptions): TaskLog {
  return taskLog((level, message, fields) =>
    observe({
      type: 'log',
      at: clock.now(),
      run: null,
      task: null,
      level,
      message,
      fields: fields === undefined ? null : fieldsText(fields),
    }),
  )
}
