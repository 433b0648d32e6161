/** The door of the library. */

import { assertCwdIsEmpty } from '../generation/permissions.ts'
import type { Executor, ExecutorOptions } from './api.ts'
import { HeadgateExecutor } from './executor.ts'
import { resolveOptions } from './options.ts'

/**
 * Starts an executor and resolves when every version in `packagesDir` is served, waiting or refused.
 *
 * Throws OPTION_INVALID, CWD_EXPOSED (see `permissions`), DATA_DIR_IN_USE, DATA_DIR_INVALID,
 * STORE_SCHEMA_NEWER, STORE_FAILED. A version that cannot be loaded is no error here: it shows in
 * `package().refusals`.
 */
export async function createExecutor(options: ExecutorOptions): Promise<Executor> {
  const resolved = resolveOptions(options)
  if (resolved.permissions === 'on') assertCwdIsEmpty()
  const executor = new HeadgateExecutor(resolved)
  await executor.start()
  return executor
}
