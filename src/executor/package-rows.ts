/** The rows of the packages, as the parts are now. */

import type { PackageRow } from '../protocol/status.ts'
import type { PackageController } from '../routing/package-controller.ts'
import type { Registry } from '../routing/registry.ts'
import type { RefusedDrop } from '../source/source.ts'
import type { DropBoard } from './drop-board.ts'
import { packageRow } from './status.ts'

export class PackageRows {
  readonly #controllers: ReadonlyMap<string, PackageController>
  readonly #registry: Registry
  readonly #drops: DropBoard

  constructor(
    controllers: ReadonlyMap<string, PackageController>,
    registry: Registry,
    drops: DropBoard,
  ) {
    this.#controllers = controllers
    this.#registry = registry
    this.#drops = drops
  }

  /** Sorted by tenant, then package. */
  all(): PackageRow[] {
    return [...this.#controllers.keys()].sort().flatMap((key) => this.of(key) ?? [])
  }

  /** undefined: nothing of it is here any more (its receipts and log stay), or nothing ever was. */
  of(routeKey: string): PackageRow | undefined {
    const controller = this.#controllers.get(routeKey)
    if (controller === undefined) return undefined
    if (!this.#isShown(controller)) return undefined
    return packageRow(controller, this.#registry.value.epoch, this.#refused(controller))
  }

  get count(): number {
    let count = 0
    for (const controller of this.#controllers.values()) if (this.#isShown(controller)) count++
    return count
  }

  #isShown(controller: PackageController): boolean {
    return (
      controller.isPresent ||
      controller.generations().length > 0 ||
      this.#refused(controller).length > 0
    )
  }

  #refused({ tenant, package: name }: PackageController): RefusedDrop[] {
    return this.#drops.all().filter((one) => one.package === name && one.tenant === tenant)
  }
}
