/**
 * `headgate/testing`: what the author of a package imports in its tests.
 */

export { HeadgateError } from '../base/errors.ts'
export type { Bump, Comparison, InterfaceChange } from '../domain/compat.ts'
export { compat, type CompatOptions } from './compat.ts'
export type { TestOptions } from './test-options.ts'
export {
  type RunOptions,
  type TaskCallOptions,
  type TestClock,
  type TestKit,
  testPackage,
} from './test-package.ts'
export type {
  TaskTestRun,
  TestAttempt,
  TestLog,
  TestProgress,
  WorkflowTestRun,
} from './test-run.ts'
