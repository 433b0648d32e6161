/**
 * The interface of a version: what its callers and its running workflows depend on, and beside it the
 * policies and demands that `compat.ts` compares too. A plain value, read from a manifest or from a
 * definition.
 */

import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { DeclaredSchemas } from './declared.ts'
import type { PackageDescriptor, WorkflowDescriptor } from './descriptor.ts'
import { type JsonSchema, withoutAnnotations } from './json-schema.ts'
import type { PackagePermissions } from './package-json.ts'
import type { RetryPolicy } from './retry.ts'

/** Everything sorted by name, so that the order in which an author writes means nothing. */
export interface PackageInterface {
  readonly package: string
  readonly version: string
  readonly workflows: readonly WorkflowInterface[]
  readonly config: InputInterface
  readonly secrets: readonly string[]
  readonly permissions: PackagePermissions
}

export interface WorkflowInterface {
  readonly name: string
  readonly input: InputInterface
  readonly tasks: readonly TaskInterface[]
  /** Names of the tasks whose outputs are the workflow's answer. */
  readonly answers: readonly string[]
}

/**
 * `any`: no schema, everything is taken. `opaque`: a schema that only its library can read. Else the
 * JSON Schema of what is taken, without annotations.
 */
export type InputInterface =
  | { readonly kind: 'any' }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'schema'; readonly schema: JsonSchema }

export interface TaskInterface {
  readonly name: string
  /** Names of the tasks whose outputs it takes. */
  readonly after: readonly string[]
  readonly retry: RetryPolicy
  readonly timeoutMs: number
}

export function interfaceOf(version: {
  readonly package: string
  readonly version: string
  readonly descriptor: PackageDescriptor
  readonly schemas: DeclaredSchemas
  readonly permissions: PackagePermissions
}): PackageInterface {
  const { descriptor, schemas, permissions } = version
  const inputs = new Map(schemas.inputs.map(({ workflow, schema }) => [workflow, schema]))
  return {
    package: version.package,
    version: version.version,
    workflows: byName(
      descriptor.workflows.map((workflow) => workflowOf(workflow, inputs.get(workflow.name))),
    ),
    config: inputOf(descriptor.hasConfig, schemas.config ?? undefined),
    secrets: [...descriptor.secrets].sort(),
    permissions,
  }
}

/**
 * Hexadecimal sha-256 over the workflows with their inputs, tasks and dependencies. Descriptions,
 * policies, configuration and demands on the operator do not change it.
 */
export function interfaceDigest({ workflows }: PackageInterface): string {
  const relied = workflows.map(({ name, input, tasks }) => ({
    name,
    input,
    tasks: tasks.map((task) => ({ name: task.name, after: task.after })),
  }))
  return createHash('sha256').update(canonicalJson(relied)).digest('hex')
}

function workflowOf(workflow: WorkflowDescriptor, schema?: JsonSchema): WorkflowInterface {
  const nameAt = (index: number): string => workflow.tasks[index]?.name ?? ''
  return {
    name: workflow.name,
    input: inputOf(workflow.hasInput, schema),
    tasks: byName(
      workflow.tasks.map(({ name, after, retry, timeoutMs }) => ({
        name,
        after: after.map(nameAt).sort(),
        retry,
        timeoutMs,
      })),
    ),
    answers: workflow.sinks.map(nameAt).sort(),
  }
}

function inputOf(isChecked: boolean, schema: JsonSchema | undefined): InputInterface {
  if (!isChecked) return { kind: 'any' }
  if (schema === undefined) return { kind: 'opaque' }
  return { kind: 'schema', schema: withoutAnnotations(schema) }
}

function byName<T extends { readonly name: string }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
