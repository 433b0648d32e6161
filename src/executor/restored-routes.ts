/**
 * What was active before a restart, when packages-dir cannot be read at the start, or holds something
 * else in its place: the bytes are in the artifact store, so they serve until the folder says otherwise.
 *
 * Owns: which versions stand in for their drops, and for how long.
 * Does not own: their bytes (source/), whether they are promoted (routing/).
 *
 * H1  A folder that is missing or unreadable means that nothing is known of it, not that it is empty.
 * H2  Once it can be read, a version that it does not bring counts as removed after as long as any
 *     other that left it.
 * H3  A drop that is refused and says that it is this version (its files were edited) has not left:
 *     the version stays as it was taken in, as it does without a restart.
 */

import { basename } from 'node:path'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { RefusedDrop, Source, StagedDrop, WatchStatus } from '../source/source.ts'
import { versionKey } from '../source/versions.ts'
import type { RouteRecord } from '../store/store.ts'
import type { PackageController } from '../routing/package-controller.ts'

export interface RestoredRoutesDeps {
  readonly routes: readonly RouteRecord[]
  readonly source: Pick<Source, 'register'>
  readonly controller: (of: Pick<StagedDrop, 'tenant' | 'package'>) => PackageController
  /** What of the folder is refused now. */
  readonly refused: () => readonly RefusedDrop[]
  readonly removeAfterMs: number
  readonly clock: Clock
  readonly logger: Logger
}

type Named = Pick<RouteRecord, 'tenant' | 'package' | 'version'>

export class RestoredRoutes {
  readonly #deps: RestoredRoutesDeps
  /** By versionKey(): versions that stand in. */
  readonly #standIns = new Map<string, StagedDrop>()
  #isReadable = true
  #removal: Timer | undefined

  constructor(deps: RestoredRoutesDeps) {
    this.#deps = deps
  }

  /** H1, H3. Call before the first versions are loaded. */
  async standIn(watch: WatchStatus): Promise<void> {
    this.watched(watch)
    const isMissing = (route: RouteRecord): boolean =>
      this.#deps.controller(route).catalog.get(route.version ?? '') === undefined
    for (const route of this.#deps.routes) {
      const isNeeded = !this.#isReadable || (isMissing(route) && this.#isNamed(route))
      if (isNeeded) await this.#standInFor(route)
    }
    const versions = this.#standIns.size
    if (versions === 0) return
    const why = watch.reason ?? 'their files in the folder were changed'
    this.#deps.logger.warn({ versions, why }, 'serving what was active before')
  }

  /** The folder brings a version. */
  staged(drop: StagedDrop): void {
    this.#standIns.delete(versionKey(drop))
  }

  /** H2 */
  watched({ mode, reason }: WatchStatus): void {
    const wasReadable = this.#isReadable
    this.#isReadable = mode !== 'missing'
    const { logger } = this.#deps
    if (wasReadable && !this.#isReadable) {
      logger.warn({ why: reason }, 'the packages folder cannot be read: make it, or bring it back')
    } else if (!wasReadable && this.#isReadable)
      logger.info({}, 'the packages folder can be read again')
    if (!this.#isReadable) {
      this.#removal?.cancel()
      this.#removal = undefined
    } else this.#removeLater()
  }

  /** A drop is refused no longer. */
  cleared(): void {
    if (this.#isReadable) this.#removeLater()
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

  /** H3: by what is in it or, where that cannot be read any more, by its own name. */
  #isNamed(of: Named): boolean {
    return this.#deps.refused().some(({ entry, tenant, package: name, version }) => {
      if (tenant !== of.tenant) return false
      if (name !== undefined) return name === of.package && version === of.version
      return basename(entry, '.tgz') === `${basename(of.package)}-${of.version}`
    })
  }

  #removeLater(): void {
    if (this.#standIns.size === 0) return
    this.#removal ??= this.#deps.clock.after(this.#deps.removeAfterMs, () => {
      this.#removal = undefined
      this.#remove()
    })
  }

  #remove(): void {
    for (const [key, drop] of this.#standIns) {
      if (this.#isNamed(drop)) continue
      this.#standIns.delete(key)
      this.#deps.controller(drop).removed(drop)
    }
  }
}
