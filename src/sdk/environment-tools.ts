/**
 * The environment written once, so that `ctx.config`, `ctx.secrets` and `ctx.resources` are typed in
 * every task although workflows are written before, or in other files than, the package.
 */

import type { PackageDefinition } from './definition.ts'
import type {
  AnyEnvironment,
  Environment,
  EnvironmentOf,
  EnvironmentOptions,
} from './environment.ts'
import { type DefinedFor, definePackage } from './package.ts'
import type { StandardSchema } from './standard-schema.ts'
import { type NewWorkflow, type WorkflowOptions, workflow } from './workflow.ts'

/** `workflow` and `definePackage` that know one environment. */
export interface EnvironmentTools<Env extends Environment> {
  readonly workflow: <const Schema extends StandardSchema | undefined = undefined>(
    name: string,
    options?: WorkflowOptions<Schema>,
  ) => NewWorkflow<Schema, Env>
  readonly definePackage: (options: DefinedFor<Env>) => PackageDefinition
}

/**
 * Types the context of every task by what the package sets up.
 *
 * ```ts
 * const { workflow, definePackage } = environment({
 *   secrets: ['DB_PASSWORD'],
 *   setup: async (ctx) => ({ db: await open(ctx.secrets.DB_PASSWORD) }),
 * })
 * ```
 */
export function environment<
  const Schema extends StandardSchema | undefined = undefined,
  const Secret extends string = never,
  Resources = undefined,
>(
  options: EnvironmentOptions<Schema, Secret, Resources>,
): EnvironmentTools<EnvironmentOf<Schema, Secret, Resources>> {
  type Env = EnvironmentOf<Schema, Secret, Resources>
  return Object.freeze({
    workflow,
    // Checked against this environment by the parameter: definePackage itself knows of none.
    definePackage: (own: DefinedFor<Env>) =>
      definePackage({ ...options, ...(own as DefinedFor<AnyEnvironment>) }),
  })
}
