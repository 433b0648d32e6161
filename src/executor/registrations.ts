/**
 * Versions that a program hands over itself, beside those in packages-dir.
 *
 * Owns: which versions are registered for whom, so that they stay when the folder loses its own copy.
 * Does not own: their bytes (source/load-path.ts), how they come to serve (routing/admission.ts).
 *
 * G1  registrations of one (tenant, package) happen one after the other, in the order of the calls.
 * G2  what fails is not registered; its bytes stay on record under their version, as those of a
 *     refused drop do.
 * G3  nothing here is kept over restarts: who registers, registers again.
 */

import { HeadgateError } from '../base/errors.ts'
import type { WorkflowDescriptor } from '../domain/descriptor.ts'
import { checkName } from '../domain/names.ts'
import { formatNamespace } from '../domain/namespace.ts'
import { routeKey } from '../domain/route.ts'
import { unknownTask } from '../domain/unknown-task.ts'
import type { Generation } from '../generation/generation.ts'
import { admit } from '../routing/admission.ts'
import type { PackageController } from '../routing/package-controller.ts'
import type { LoadedVersion, RemovedDrop, Source, StagedDrop } from '../source/source.ts'
import { versionKey } from '../source/versions.ts'
import type { PackageMetadata, WorkflowPackage } from './api.ts'

export interface RegistrationDeps {
  readonly source: Pick<Source, 'load' | 'register'>
  readonly controller: (of: StagedDrop) => PackageController
  /** The version is on record for its tenant. */
  readonly known: (drop: StagedDrop) => void
  readonly changed: (of: StagedDrop) => void
  readonly closing: () => boolean
}

export class Registrations {
  readonly #deps: RegistrationDeps
  /** By versionKey(). */
  readonly #drops = new Map<string, StagedDrop>()
  /** The last registration of each (tenant, package) that is under way (G1). */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(deps: RegistrationDeps) {
    this.#deps = deps
  }

  /** `path` is absolute. Throws the code it would be refused with as a drop. */
  async load(path: string): Promise<WorkflowPackage> {
    const loaded = await this.#deps.source.load(path)
    return Object.freeze({
      metadata: metadataOf(loaded),
      registerTasks: async (tenant: string, workflow?: string) => {
        const key = routeKey(checkName('tenant', tenant), loaded.package)
        if (workflow !== undefined) checkName('workflow', workflow)
        return this.#inTurn(key, () => this.#register(loaded, tenant, workflow))
      },
    })
  }

  /** The registered copy of a version that has left the folder. */
  dropOf(removed: RemovedDrop): StagedDrop | undefined {
    return this.#drops.get(versionKey(removed))
  }

  async #register(
    loaded: LoadedVersion,
    tenant: string,
    workflow: string | undefined,
  ): Promise<readonly string[]> {
    const { source, controller: controllerOf, known, changed, closing } = this.#deps
    const drop = await source.register({ tenant, loaded })
    if (closing()) throw new HeadgateError('EXECUTOR_CLOSING')
    known(drop)
    const controller = controllerOf(drop)
    const generation = await admit(controller, drop, (one) => void offered(one, workflow))
    this.#drops.set(versionKey(drop), drop)
    // The folder's copy may have gone just now.
    if (controller.catalog.get(drop.version) === undefined) controller.staged(drop)
    const { workflows, alias } = offered(generation, workflow)
    const [only] = workflows
    if (alias !== null && only !== undefined) {
      controller.aliases.set(alias, only.name)
      changed(drop)
    }
    return workflows.flatMap(({ name, tasks }) =>
      tasks.map((task) =>
        formatNamespace({
          tenant,
          package: drop.package,
          workflow: alias ?? name,
          task: task.name,
        }),
      ),
    )
  }

  #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve()
    const turn = before.then(work)
    const ended = turn
      .catch(() => {})
      .finally(() => {
        if (this.#turns.get(key) === ended) this.#turns.delete(key)
      })
    this.#turns.set(key, ended)
    return turn
  }
}

/**
 * What the version offers, and under which other id. Throws UNKNOWN_WORKFLOW when it has several
 * workflows and `wanted` is none of them.
 */
function offered(
  generation: Generation,
  wanted: string | undefined,
): { readonly workflows: readonly WorkflowDescriptor[]; readonly alias: string | null } {
  const workflows = generation.descriptor?.workflows ?? []
  if (wanted === undefined || workflows.some(({ name }) => name === wanted)) {
    return { workflows, alias: null }
  }
  if (workflows.length === 1) return { workflows, alias: wanted }
  throw unknownTask(generation, wanted)
}

function metadataOf(loaded: LoadedVersion): PackageMetadata {
  const { package: name, version, digest, description = null, author = null } = loaded
  return Object.freeze({ package: name, version, description, author, fingerprint: digest })
}
