/**
 * What a package's entry exports by default.
 */

import { CONTRACT, PACKAGE_MARK, type PackageDefinition } from './definition.ts'
import type { AnyEnvironment, Environment, EnvironmentOptions } from './environment.ts'
import type { StandardSchema } from './standard-schema.ts'
import type { WorkflowFor } from './workflow.ts'

/** Name, version and author are package.json's. */
export interface DefinedFor<Env extends Environment> {
  readonly description?: string
  readonly workflows: readonly WorkflowFor<Env>[]
}

/**
 * Declares the package. Nothing runs here. Throws TypeError when `workflows` is no list of what
 * `workflow()` returned. `config`, `secrets`, `setup`, `probe` and `teardown` may
 * be given here when no task asks for what they give; to have it typed in the tasks' context, give
 * them to `environment()`, which returns a `definePackage` of its own.
 */
export function definePackage<
  const Schema extends StandardSchema | undefined = undefined,
  const Secret extends string = never,
  Resources = undefined,
>(
  options: EnvironmentOptions<Schema, Secret, Resources> & DefinedFor<AnyEnvironment>,
): PackageDefinition {
  const { config, secrets = [], ...rest } = options
  const given: unknown = options.workflows
  if (!Array.isArray(given) || !given.every(isWorkflow)) {
    throw new TypeError('definePackage: workflows must be a list of what workflow() returns')
  }
  return Object.freeze({
    // One type each way: a schema reads anything, and hooks are given what `setup` returned.
    ...(rest as Pick<PackageDefinition, 'description' | 'setup' | 'probe' | 'teardown'>),
    ...(config === undefined ? {} : { config }),
    [PACKAGE_MARK]: CONTRACT,
    workflows: Object.freeze([...options.workflows]),
    secrets: Object.freeze([...secrets]),
  } satisfies PackageDefinition)
}

/** Plain JavaScript may give anything. */
function isWorkflow(one: unknown): boolean {
  return typeof one === 'object' && one !== null && 'tasks' in one && Array.isArray(one.tasks)
}
