/**
 * `headgate/sdk`: what the author of a package imports. It has no dependency and touches nothing
 * outside its folder.
 */

export type { SetupContext, TaskContext, TaskLog } from './context.ts'
export {
  CONTRACT,
  PACKAGE_MARK,
  type PackageDefinition,
  type TaskDefinition,
  type WorkflowDefinition,
} from './definition.ts'
export type {
  AnyEnvironment,
  Environment,
  EnvironmentOf,
  EnvironmentOptions,
} from './environment.ts'
export { type EnvironmentTools, environment } from './environment-tools.ts'
export type { JsonOf, JsonPrimitive, JsonValue, NotJson } from './json.ts'
export { type DefinedFor, definePackage } from './package.ts'
export type {
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SchemaResult,
  StandardSchema,
} from './standard-schema.ts'
export { isTerminalError, TERMINAL_MARK, TerminalError } from './terminal-error.ts'
export {
  type Duration,
  type InputOf,
  type NewWorkflow,
  type RetryOptions,
  type TaskOptions,
  type Workflow,
  type WorkflowFor,
  type WorkflowOptions,
  workflow,
} from './workflow.ts'
