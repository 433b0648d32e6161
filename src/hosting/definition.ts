/**
 * A package's definition as its host reads it: the plain description that is checked, and the tasks
 * as they are called.
 *
 * Does not own: whether the description is acceptable (domain/descriptor.ts).
 */

import type { DeclaredSchemas } from '../domain/declared.ts'
import { parse, stringify } from './json.ts'
import {
  PACKAGE_MARK,
  type PackageDefinition,
  type TaskDefinition,
  type WorkflowDefinition,
} from '../sdk/definition.ts'
import type { StandardSchema } from '../sdk/standard-schema.ts'

/** A task as it is called; in a worker thread its index is the kind that requests name. */
export interface LoadedTask {
  readonly workflow: WorkflowDefinition
  readonly task: TaskDefinition
  /** `workflow::task`. */
  readonly label: string
  readonly after: readonly string[]
}

export function loadedTasks(definition: PackageDefinition): LoadedTask[] {
  return definition.workflows.flatMap((workflow) =>
    workflow.tasks.map((task) => ({
      workflow,
      task,
      label: `${workflow.name}::${task.name}`,
      after: Array.isArray(task.options['after']) ? (task.options['after'] as string[]) : [],
    })),
  )
}

/** true for what any copy of the SDK's definePackage() returned. */
export function isDefinition(value: unknown): value is PackageDefinition {
  return typeof value === 'object' && value !== null && PACKAGE_MARK in value
}

/** JSON of everything an author declared, functions and schemas left out. */
export function describe(definition: PackageDefinition): unknown {
  return plain({
    contract: definition[PACKAGE_MARK],
    description: definition.description,
    secrets: definition.secrets,
    hasConfig: definition.config !== undefined,
    hasSetup: definition.setup !== undefined,
    hasProbe: definition.probe !== undefined,
    hasTeardown: definition.teardown !== undefined,
    workflows: definition.workflows.map((workflow) => ({
      name: workflow.name,
      hasInput: workflow.input !== undefined,
      options: workflow.options,
      tasks: workflow.tasks.map((task) => ({ name: task.name, options: task.options })),
    })),
  })
}

/** The JSON Schemas of what the package is given, of those libraries that can write one. */
export function describeSchemas({ workflows, config }: PackageDefinition): DeclaredSchemas {
  const inputs = workflows.flatMap(({ name, input }) => {
    const schema = jsonSchemaOf(input)
    return schema === null ? [] : [{ workflow: name, schema }]
  })
  return { inputs, config: jsonSchemaOf(config) }
}

function jsonSchemaOf(schema: StandardSchema | undefined): Record<string, unknown> | null {
  try {
    const made = plain(schema?.['~standard'].jsonSchema?.input({ target: 'draft-2020-12' }))
    return typeof made === 'object' && made !== null && !Array.isArray(made) ? { ...made } : null
  } catch {
    // It accepts what JSON Schema cannot say, or the library writes another draft only.
    return null
  }
}

/** What JSON cannot carry becomes a text that no option accepts, so that it is refused by name. */
function plain(value: unknown): unknown {
  const text = stringify(value, (_, inner: unknown) =>
    typeof inner === 'function' || typeof inner === 'symbol' || typeof inner === 'bigint'
      ? `<${typeof inner}>`
      : inner,
  )
  return parse(text)
}
