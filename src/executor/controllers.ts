/** The controllers of an executor, one a (tenant, package), made when one is first heard of. */

import { checkName } from '../domain/names.ts'
import { routeKey } from '../domain/route.ts'
import type { ControllerDeps } from '../routing/controller-deps.ts'
import { PackageLine } from '../routing/dispatcher.ts'
import { PackageController } from '../routing/package-controller.ts'

export interface PackageName {
  readonly tenant: string
  readonly package: string
}

export class Controllers {
  readonly #all = new Map<string, PackageController>()
  readonly #deps: Omit<ControllerDeps, 'line' | 'changed'>
  readonly #changed: (of: PackageName) => void

  constructor(deps: Omit<ControllerDeps, 'line' | 'changed'>, changed: (of: PackageName) => void) {
    this.#deps = deps
    this.#changed = changed
  }

  /** By routeKey(). */
  get byKey(): ReadonlyMap<string, PackageController> {
    return this.#all
  }

  all(): PackageController[] {
    return [...this.#all.values()]
  }

  /** Throws NAME_INVALID. */
  of({ tenant, package: name }: PackageName): PackageController {
    const key = routeKey(tenant, name)
    const known = this.#all.get(key)
    if (known !== undefined) return known
    const controller = new PackageController({
      ...this.#deps,
      line: new PackageLine(checkName('tenant', tenant), checkName('package', name)),
      changed: () => this.#changed({ tenant, package: name }),
    })
    this.#all.set(key, controller)
    return controller
  }

  /** Resolves when every loop rests. */
  async settled(): Promise<void> {
    await Promise.all(this.all().map((controller) => controller.settled()))
  }
}
