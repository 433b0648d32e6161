/**
 * What was active before a restart, when packages-dir cannot be read at the start: the bytes are in
 * the artifact store, so they serve until the folder says otherwise.
 *
 * Owns: which versions stand in for their drops, and for how long.
 * Does not own: their bytes (source/), whether they are promoted (routing/).
 *
 * H1  A folder that is missing or unreadable means that nothing is known of it, not that it is empty.
 * H2  Once it can be read, a version that it does not bring counts as removed after as long as any
 *     other that left it.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Source, StagedDrop, WatchStatus } from '../source/source.ts'
import { versionKey } from '../source/versions.ts'
import type { RouteRecord } from '../store/store.ts'
import type { PackageController } from '../routing/package-controller.ts'

export interface RestoredRoutesDeps {
  readonly routes: readonly RouteRecord[]
  readonly source: Pick<Source, 'register'>
  readonly controller: (of: StagedDrop) => PackageController
  readonly removeAfterMs: number
  readonly clock: Clock
  readonly logger: Logger
}

export class RestoredRoutes {
  readonly #deps: RestoredRoutesDeps
  /** By versionKey(): versions that stand in. */
  readonly #standIns = new Map<string, StagedDrop>()
  #isReadable = true
  #removal: Timer | undefined

  constructor(deps: RestoredRoutesDeps) {
    this.#deps = deps
  }

  /** H1. Call before the first versions are loaded. */
  async standIn(watch: WatchStatus): Promise<void> {
    this.watched(watch)
    if (this.#isReadable) return
    for (const route of this.#deps.routes) await this.#standInFor(route)
    const versions = this.#standIns.size
    this.#deps.logger.warn({ versions, why: watch.reason }, 'serving what was active before')
  }

  /** The folder brings a version. */
  staged(drop: StagedDrop): void {
    this.#standIns.delete(versionKey(drop))
  }

  /** H2 */
  watched({ mode }: WatchStatus): void {
    this.#isReadable = mode !== 'missing'
    if (!this.#isReadable) {
      this.#removal?.cancel()
      this.#removal = undefined
    } else if (this.#standIns.size > 0) {
      this.#removal ??= this.#deps.clock.after(this.#deps.removeAfterMs, () => this.#remove())
    }
  }

  close(): void {
    this.#removal?.cancel()
  }

  async #standInFor({ tenant, package: name, version, digest }: RouteRecord): Promise<void> {
    if (version === null || digest === null) return
    const { source, logger, controller } = this.#deps
    const identity = { entry: `${name}@${version}`, package: name, version, digest }
    // What came beside the bytes is in the folder: where signatures are required, nothing stands in.
    const loaded = { ...identity, source: null, manifest: null, signatures: [] }
    try {
      const drop = await source.register({ tenant, loaded })
      this.#standIns.set(versionKey(drop), drop)
      controller(drop).staged(drop)
    } catch (error) {
      logger.warn({ tenant, package: name, version, why: messageOf(error) }, 'it cannot stand in')
    }
  }

  #remove(): void {
    for (const drop of this.#standIns.values()) this.#deps.controller(drop).removed(drop)
    this.#standIns.clear()
  }
}
