/**
 * What a package gives its tasks: configuration, secrets, resources, as types.
 */

import type { SetupContext } from './context.ts'
import type { SchemaOutput, StandardSchema } from './standard-schema.ts'

/** The types a task finds in its context. */
export interface Environment {
  readonly config: unknown
  readonly secrets: object
  readonly resources: unknown
}

/** Of a workflow that asks for nothing: it may stand in any package. */
export interface AnyEnvironment extends Environment {
  readonly secrets: Readonly<Record<never, string>>
}

export interface EnvironmentOptions<
  Schema extends StandardSchema | undefined,
  Secret extends string,
  Resources,
> {
  /** Shape of the values the operator gives per tenant and package. Default: none. */
  readonly config?: Schema
  /** Names whose values the operator gives; a missing one refuses the load. Default: none. */
  readonly secrets?: readonly Secret[]
  /** Runs once in each worker thread before the version serves; returns `ctx.resources`. */
  readonly setup?: (
    ctx: SetupContext<ConfigOf<Schema>, Readonly<Record<Secret, string>>>,
  ) => Resources | Promise<Resources>
  /** Runs after `setup`; throwing refuses the version. */
  readonly probe?: (resources: Resources) => unknown
  /** Runs when the generation has finished what it began. */
  readonly teardown?: (resources: Resources) => unknown
}

/** What such options give to a task. */
export interface EnvironmentOf<Schema, Secret extends string, Resources> extends Environment {
  readonly config: ConfigOf<Schema>
  readonly secrets: Readonly<Record<Secret, string>>
  readonly resources: Resources
}

type ConfigOf<Schema> = Schema extends StandardSchema ? SchemaOutput<Schema> : undefined
