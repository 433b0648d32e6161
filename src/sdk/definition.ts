/**
 * What a package's entry exports, at run time: the shape the worker thread reads. Plain frozen
 * values; the thread recognises them by the mark, not by identity of a class, because a package may
 * carry its own copy of the SDK.
 */

import type { SetupContext, TaskContext } from './context.ts'
import type { StandardSchema } from './standard-schema.ts'

export type { StandardSchema } from './standard-schema.ts'

export const PACKAGE_MARK: unique symbol = Symbol.for('headgate.package')

/** Version of the contract between an executor and a package. The value under PACKAGE_MARK. */
export const CONTRACT = 1

export interface TaskDefinition {
  readonly name: string
  /** Every option the author gave except `run`, as given: the executor validates at load. */
  readonly options: Readonly<Record<string, unknown>>
  /** `deps`: the outputs of the tasks named in `options.after`, by name. */
  readonly run: (deps: Record<string, unknown>, ctx: TaskContext) => unknown
}

export interface WorkflowDefinition {
  readonly name: string
  /** Every option the author gave except `input`, as given. */
  readonly options: Readonly<Record<string, unknown>>
  readonly input: StandardSchema | undefined
  /** In the order written. */
  readonly tasks: readonly TaskDefinition[]
}

export interface PackageDefinition {
  readonly [PACKAGE_MARK]: typeof CONTRACT
  readonly description?: string
  readonly workflows: readonly WorkflowDefinition[]
  readonly config?: StandardSchema
  /** Names whose values the operator gives. */
  readonly secrets: readonly string[]
  readonly setup?: (ctx: SetupContext) => unknown
  readonly probe?: (resources: unknown) => unknown
  readonly teardown?: (resources: unknown) => unknown
}
