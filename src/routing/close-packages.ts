/** The end of all packages of an executor. */

import { inOrder } from '../base/scope.ts'
import type { PackageController } from './package-controller.ts'

/**
 * All drain before the first is ended, for their tasks may call each other; with `force` none drains.
 * Each is ended, even if another could not be; then throws why.
 */
export async function closePackages(
  packages: readonly PackageController[],
  force: boolean,
): Promise<void> {
  const drains = force ? [] : packages.map((one) => one.drain())
  await Promise.allSettled(drains)
  const ends = packages.map((one) => one.close(force))
  await Promise.allSettled(ends)
  await inOrder([...drains, ...ends].map((ended) => () => ended))
}
