/**
 * Which digest each version has on record: for the source thread of this boot, and for the next one.
 */

import type { StagedDrop } from '../source/source.ts'
import { versionKey } from '../source/versions.ts'
import type { KnownVersion } from '../store/store.ts'

export class KnownVersions {
  readonly #digests: Map<string, string>
  readonly #write: (version: KnownVersion) => void

  /** `known`: what the store held at the start. */
  constructor(known: readonly KnownVersion[], write: (version: KnownVersion) => void) {
    this.#digests = new Map(known.map((one) => [versionKey(one), one.digest]))
    this.#write = write
  }

  /** By versionKey(). */
  get digests(): ReadonlyMap<string, string> {
    return this.#digests
  }

  add(drop: StagedDrop): void {
    if (this.#digests.get(versionKey(drop)) === drop.digest) return
    const { tenant, package: name, version, digest, detectedAt: firstSeenAt } = drop
    this.#digests.set(versionKey(drop), digest)
    this.#write({ tenant, package: name, version, digest, firstSeenAt })
  }
}
