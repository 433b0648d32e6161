/**
 * Takes a version into a package that lies in no folder.
 *
 * M1  it competes with the others, and shows, only once it was loaded and accepted: a broken one
 *     touches nothing that is served, and leaves neither version nor refusal.
 * M2  what the folder holds of the same version meanwhile stays, whatever comes of the admission.
 */

import { HeadgateError } from '../base/errors.ts'
import type { Generation } from '../generation/generation.ts'
import type { StagedDrop } from '../source/source.ts'
import type { Catalog } from './catalog.ts'

/** What admission needs of the package's controller. */
export interface Admitting {
  readonly catalog: Catalog
  prepare(drop: StagedDrop): Promise<Generation>
  pinned(version: string): Generation | Promise<Generation>
  staged(drop: StagedDrop): void
  removed(drop: StagedDrop): void
  settled(): Promise<void>
}

/**
 * Resolves with a generation that can be called, after the swap if the version is the one to serve.
 * Throws what `accept` throws, or why the version cannot be loaded.
 */
export async function admit(
  controller: Admitting,
  drop: StagedDrop,
  accept: (generation: Generation) => void,
): Promise<Generation> {
  const { catalog } = controller
  const { version } = drop
  throwRefusal(catalog, version)
  const isPresent = catalog.get(version) !== undefined
  const loaded = await (isPresent ? controller.pinned(version) : controller.prepare(drop))
  // It may have been dropped into the folder meanwhile, or have left it.
  const isAlone = catalog.get(version) === undefined
  try {
    accept(loaded)
  } catch (error) {
    if (isAlone && loaded.can('expire')) loaded.take('expire', 'not accepted')
    throw error
  }
  if (isAlone) controller.staged(drop)
  await controller.settled()
  try {
    throwRefusal(catalog, version)
    return await controller.pinned(version)
  } catch (error) {
    if (catalog.get(version) === drop) controller.removed(drop)
    throw error
  }
}

function throwRefusal(catalog: Catalog, version: string): void {
  const refusal = catalog.refusal(version)
  if (refusal !== undefined) throw HeadgateError.fromRecord(refusal.error)
}
