/**
 * What a worker thread may touch: Node's own permission model, set per thread.
 *
 * Node adds the process's working directory to every worker's read grants, therefore the executor
 * sits in an empty folder before its first thread (assertCwdIsEmpty).
 */

import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'

/** From Node 25 on a permission restricts the network of a thread as well. */
export const NETWORK_RESTRICTED: boolean = Number(process.versions.node.split('.')[0]) >= 25

export interface ThreadGrants {
  readonly net: boolean
  readonly read: readonly string[]
  readonly write: readonly string[]
}

export const NO_GRANTS: ThreadGrants = Object.freeze({ net: false, read: [], write: [] })

/** What of piscina a thread reads to start. */
function piscinaFiles(): string[] {
  const built = dirname(createRequire(import.meta.url).resolve('piscina'))
  return [join(built, '*'), join(built, '..', 'package.json')]
}

/** `codeFolder`: absolute; headgate's own code in the thread (thread-code.ts). */
export function permissionArguments(
  slotDir: string,
  codeFolder: string,
  grants: ThreadGrants,
): string[] {
  const folders = [codeFolder, slotDir].map((folder) => join(folder, '*'))
  return [
    '--permission',
    ...[...folders, ...piscinaFiles(), ...grants.read].map((path) => `--allow-fs-read=${path}`),
    ...grants.write.map((path) => `--allow-fs-write=${path}`),
    ...(grants.net && NETWORK_RESTRICTED ? ['--allow-net'] : []),
  ]
}

/** Throws CWD_EXPOSED when threads could read something in the working directory. */
export function assertCwdIsEmpty(): void {
  const cwd = process.cwd()
  if (readdirSync(cwd).length > 0) throw new HeadgateError('CWD_EXPOSED', { cwd })
}
