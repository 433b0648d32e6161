/**
 * Other ids under which one (tenant, package) offers its workflows.
 *
 * B1  a workflow's own name comes before an alias: a version that has a workflow of that very name
 *     is called by it.
 * B2  aliases are not kept over restarts, as what set them, a registration, is not either.
 */

import type { PackageDescriptor, WorkflowDescriptor } from '../domain/descriptor.ts'

export class WorkflowAliases {
  /** Alias → the workflow's own name. */
  readonly #names = new Map<string, string>()

  set(alias: string, workflow: string): void {
    this.#names.set(alias, workflow)
  }

  /** The own name of the workflow that `named` means in `descriptor` (B1). */
  resolve(named: string, descriptor: PackageDescriptor | undefined): string {
    if (this.#names.size === 0) return named
    const meant = this.#names.get(named)
    return meant === undefined || find(descriptor, named) !== undefined ? named : meant
  }

  /** Those that mean a workflow of `descriptor`. */
  in(
    descriptor: PackageDescriptor | undefined,
  ): { readonly alias: string; readonly workflow: WorkflowDescriptor }[] {
    return [...this.#names].flatMap(([alias, name]) => {
      const workflow = find(descriptor, name)
      const isHidden = find(descriptor, alias) !== undefined
      return workflow === undefined || isHidden ? [] : [{ alias, workflow }]
    })
  }
}

function find(
  descriptor: PackageDescriptor | undefined,
  name: string,
): WorkflowDescriptor | undefined {
  return descriptor?.workflows.find((one) => one.name === name)
}
