/**
 * headgate as a library: run packaged workflows in this process and swap their versions under load.
 */

export { ERRORS, type ErrorCode, type ErrorRecord, HeadgateError } from './base/errors.ts'
export type { Logger } from './base/logger.ts'
export type { RegistryValue, Route } from './domain/route.ts'
export type {
  CallableTask,
  Executor,
  ExecutorEvents,
  ExecutorOptions,
  InvokeAnswer,
  InvokeOptions,
  PackageLogLine,
  PackageMetadata,
  PackageOperatorOptions,
  Promotion,
  Publication,
  TaskAddress,
  TenantOptions,
  WorkflowPackage,
} from './executor/api.ts'
export { createExecutor } from './executor/create-executor.ts'
export {
  type LoadWorkflowPackageOptions,
  loadWorkflowPackage,
} from './executor/load-workflow-package.ts'
export type { ExecutorRow, GenerationRow, PackageRow, RefusalRow } from './protocol/status.ts'
export type { Published } from './source/source.ts'
export type { SignatureOptions } from './source/trusted-keys.ts'
export type { ControlEntry, SwapReceipt } from './store/store.ts'
