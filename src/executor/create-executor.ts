/** The door of the library. */

import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { assertCwdIsEmpty } from '../generation/permissions.ts'
import { createSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Executor, ExecutorOptions } from './api.ts'
import { HeadgateExecutor } from './executor.ts'
import { type ResolvedOptions, resolveOptions } from './options.ts'

/**
 * Starts an executor and resolves when every version in `packagesDir` is served, waiting or refused.
 *
 * Throws OPTION_INVALID, CWD_EXPOSED (see `permissions`), DATA_DIR_IN_USE, DATA_DIR_INVALID,
 * STORE_SCHEMA_NEWER, STORE_FAILED. A version that cannot be loaded is no error here: it shows in
 * `package().refusals`.
 */
export async function createExecutor(options: ExecutorOptions): Promise<Executor> {
  const { executor, ready } = await beginExecutor(options)
  await ready
  return executor
}

/**
 * The same, but resolves when `packagesDir` has been looked at: a version that takes long to load
 * then keeps only `ready` waiting.
 */
export async function beginExecutor(
  options: ExecutorOptions,
): Promise<{ readonly executor: Executor; readonly ready: Promise<void> }> {
  const resolved = resolveOptions(options)
  if (resolved.permissions === 'on') assertCwdIsEmpty()
  const executor = await open(resolved)
  await orClose(executor, executor.start())
  return { executor, ready: orClose(executor, executor.becomeReady()) }
}

async function orClose(executor: Executor, step: Promise<void>): Promise<void> {
  try {
    await step
  } catch (error) {
    await executor.close({ force: true })
    throw error
  }
}

/** Nothing in the data dir is touched before its lock is ours. */
async function open(options: ResolvedOptions): Promise<HeadgateExecutor> {
  const { dataDir, durability, logger } = options
  const boot = randomUUID().slice(0, 8)
  const store = createSqliteStore({ dataDir, boot, durability }, { logger })
  try {
    const snapshot = await store.open()
    // Threads may read what lies below it, and what they read is named without links on the way.
    const real = { ...options, dataDir: realpathSync(dataDir) }
    return new HeadgateExecutor(real, boot, store, snapshot)
  } catch (error) {
    await store.close()
    throw error
  }
}
