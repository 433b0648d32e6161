/**
 * What a loaded package says it is: the raw definition as its worker thread reports it, checked and
 * resolved once to what the executor works with.
 */

import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'
import { durationSchema } from './duration.ts'
import { buildGraph } from './graph.ts'
import { checkName } from './names.ts'
import { NO_RETRY, type RetryPolicy, retrySchema } from './retry.ts'
import { firstProblem, strictObject } from './schema.ts'

/** The contract between a package's SDK and the executor. */
export const CONTRACT = 1

export const DEFAULT_TIMEOUT_MS = 60_000

export interface PackageDescriptor {
  readonly contract: number
  readonly description: string | null
  readonly secrets: readonly string[]
  readonly hasConfig: boolean
  readonly hasSetup: boolean
  readonly hasProbe: boolean
  readonly hasTeardown: boolean
  readonly workflows: readonly WorkflowDescriptor[]
}

export interface WorkflowDescriptor {
  readonly name: string
  readonly description: string | null
  /** The author declared a schema of the input. */
  readonly hasInput: boolean
  /** In declared order; every index below points into it. */
  readonly tasks: readonly TaskDescriptor[]
  /** Tasks that nothing depends on: their outputs are the workflow's answer. */
  readonly sinks: readonly number[]
}

export interface TaskDescriptor {
  readonly name: string
  readonly index: number
  readonly after: readonly number[]
  readonly dependents: readonly number[]
  readonly retry: RetryPolicy
  /** ms from begun; default 60_000. */
  readonly timeoutMs: number
}

const description = z.string().max(2000).optional()

const taskSchema = strictObject({
  name: z.string(),
  options: strictObject({
    after: z.array(z.string()).optional(),
    retry: retrySchema.optional(),
    timeout: durationSchema.refine((ms) => ms > 0, 'a timeout must be over 0').optional(),
    pure: z.boolean().optional(),
    each: z.unknown().optional(),
    when: z.unknown().optional(),
    binary: z.unknown().optional(),
  }),
})

const workflowSchema = strictObject({
  name: z.string(),
  hasInput: z.boolean(),
  options: strictObject({
    description,
    versioning: z.enum(['pinned', 'latest']).optional(),
    concurrency: z.unknown().optional(),
    priority: z.unknown().optional(),
    schedules: z.unknown().optional(),
  }),
  tasks: z.array(taskSchema).max(1000),
})

/** Raw author options of a whole package, as JSON. */
export const rawDescriptorSchema = strictObject({
  contract: z.literal(CONTRACT),
  description,
  secrets: z
    .array(
      z
        .string()
        .regex(
          /^[A-Za-z][A-Za-z0-9_]{0,127}$/,
          'the name of a secret is letters, digits and "_", beginning with a letter',
        ),
    )
    .max(100),
  hasConfig: z.boolean(),
  hasSetup: z.boolean(),
  hasProbe: z.boolean(),
  hasTeardown: z.boolean(),
  workflows: z.array(workflowSchema).min(1, 'a package needs at least one workflow').max(1000),
})

/** What the worker thread sends. */
export type RawDescriptor = z.input<typeof rawDescriptorSchema>

type CheckedWorkflow = z.output<typeof workflowSchema>
type CheckedTask = z.output<typeof taskSchema>

/**
 * Throws CONTRACT_UNSUPPORTED, DEFINITION_INVALID, NAME_INVALID, GRAPH_INVALID, or NOT_YET for an
 * option that this release knows but does not carry out.
 */
export function parseDescriptor(
  raw: unknown,
  id: { readonly package: string; readonly version: string },
): PackageDescriptor {
  checkContract(raw, id)
  const parsed = rawDescriptorSchema.safeParse(raw)
  if (!parsed.success) throw invalid(id, firstProblem(parsed.error, raw, ['options']))
  const { workflows, secrets, description: text, ...facts } = parsed.data
  const seen = new Set<string>()
  for (const { name } of workflows) {
    checkName('workflow', name)
    if (seen.has(name)) throw invalid(id, `workflow ${name} is declared twice`)
    seen.add(name)
  }
  return Object.freeze({
    ...facts,
    description: text ?? null,
    secrets: Object.freeze([...new Set(secrets)]),
    workflows: Object.freeze(workflows.map(resolveWorkflow)),
  })
}

function checkContract(raw: unknown, id: { package: string; version: string }): void {
  // First of all: another contract may have another shape altogether.
  const found = typeof raw === 'object' && raw !== null ? Reflect.get(raw, 'contract') : undefined
  if (found === CONTRACT) return
  if (found === undefined) throw invalid(id, 'its entry does not export a package definition')
  throw new HeadgateError('CONTRACT_UNSUPPORTED', {
    package: id.package,
    version: id.version,
    found: String(found).slice(0, 80),
    supported: String(CONTRACT),
  })
}

function resolveWorkflow(workflow: CheckedWorkflow): WorkflowDescriptor {
  const { name, hasInput, options, tasks } = workflow
  const where = `of workflow ${name}`
  refuseUnless(options.versioning !== 'latest', `versioning: 'latest' ${where}`)
  refuseUnless(options.concurrency === undefined, `concurrency ${where}`)
  refuseUnless(options.priority === undefined, `priority ${where}`)
  refuseUnless(options.schedules === undefined, `schedules ${where}`)
  for (const task of tasks) checkTask(task, where)
  const graph = buildGraph(
    name,
    tasks.map((task) => ({ name: task.name, after: task.options.after ?? [] })),
  )
  return Object.freeze({
    name,
    description: options.description ?? null,
    hasInput,
    sinks: graph.sinks,
    tasks: Object.freeze(
      tasks.map((task, index) =>
        Object.freeze({
          name: task.name,
          index,
          after: graph.after[index] ?? [],
          dependents: graph.dependents[index] ?? [],
          retry: task.options.retry ?? NO_RETRY,
          timeoutMs: task.options.timeout ?? DEFAULT_TIMEOUT_MS,
        }),
      ),
    ),
  })
}

function checkTask({ name, options }: CheckedTask, where: string): void {
  checkName('task', name)
  refuseUnless(options.each === undefined, `each on task ${name} ${where}`)
  // The one rule that is in force anyway: run when all dependencies succeeded.
  const isDefault = options.when === undefined || options.when === 'succeeded'
  refuseUnless(isDefault, `when on task ${name} ${where}`)
  refuseUnless(options.binary === undefined, `binary on task ${name} ${where}`)
}

function refuseUnless(isCarriedOut: boolean, what: string): void {
  if (isCarriedOut) return
  throw new HeadgateError('NOT_YET', { what, why: 'it comes with durable runs; leave it out' })
}

function invalid(id: { package: string; version: string }, why: string): HeadgateError {
  return new HeadgateError('DEFINITION_INVALID', { package: id.package, version: id.version, why })
}
