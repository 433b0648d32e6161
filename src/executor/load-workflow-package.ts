/** The library's way to a package at a path: options are checked here. */

import { z } from 'zod'
import { parseOptions, strictObject } from '../domain/schema.ts'
import type { Executor, WorkflowPackage } from './api.ts'

export interface LoadWorkflowPackageOptions {
  /** Whose artifact store takes the bytes, and for whose tenants they can be registered. */
  readonly executor: Executor
}

const argumentsSchema = z.object({
  path: z.string().min(1),
  options: strictObject({ executor: z.custom<Executor>(isExecutor, 'it is not an executor') }),
})

/**
 * Reads a package, which may lie anywhere: a source folder, a packed folder or a .tgz. `path` is
 * taken against the working directory of the moment of the call. The bytes are verified and copied
 * into the executor's artifact store; nothing of them runs, and no tenant has them, before
 * `registerTasks()`. Afterwards the path is not needed any more.
 *
 * Throws OPTION_INVALID, PATH_NOT_FOUND, DROP_UNSUPPORTED (neither folder nor file),
 * DROP_INCOMPLETE (files change, or a manifest's file is missing), EXECUTOR_CLOSING, and every code
 * with which the package would be refused before it is loaded (PACKAGE_JSON_…, MANIFEST_…,
 * ENTRY_MISSING, FILE_REFUSED, ARCHIVE_…, SIGNATURE_INVALID). Whether a tenant trusts who signed
 * is asked at `registerTasks()`.
 */
export async function loadWorkflowPackage(
  path: string,
  options: LoadWorkflowPackageOptions,
): Promise<WorkflowPackage> {
  const given = parseOptions(argumentsSchema, { path, options }, 'path')
  return given.options.executor.loadPackage(given.path)
}

function isExecutor(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'loadPackage' in value &&
    typeof value.loadPackage === 'function'
  )
}
