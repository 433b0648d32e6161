/**
 * Which versions a thread can serve that was started before anyone knew its version: what a thread is
 * allowed and how large it may grow is fixed at its start.
 */

import { DEFAULT_CONCURRENCY, type PackageOptions } from './package-json.ts'

/** It wants one thread, with the default limits and no permissions. */
export function fitsAnyThread(wishes: PackageOptions): boolean {
  const { net, read, write } = wishes.permissions
  return (
    wishes.threads === 1 &&
    wishes.concurrency === DEFAULT_CONCURRENCY &&
    Object.keys(wishes.resourceLimits).length === 0 &&
    !net &&
    read.length === 0 &&
    write.length === 0
  )
}
