/**
 * Which digest each version has on record: for the source thread of this boot, and for the next one.
 */

import type { StagedDrop } from '../source/source.ts'
import { versionKey } from '../source/versions.ts'
import type { KnownVersion, Store } from '../store/store.ts'

export class KnownVersions {
  readonly #store: Pick<Store, 'know'>
  readonly #digests: Map<string, string>

  /** `known`: what the store held at the start. */
  constructor(store: Pick<Store, 'know'>, known: readonly KnownVersion[]) {
    this.#store = store
    this.#digests = new Map(known.map((one) => [versionKey(one), one.digest]))
  }

  /** By versionKey(). */
  get digests(): ReadonlyMap<string, string> {
    return this.#digests
  }

  async add(drop: StagedDrop): Promise<void> {
    const { tenant, package: name, version, digest, detectedAt: firstSeenAt } = drop
    this.#digests.set(versionKey(drop), digest)
    await this.#store.know({ tenant, package: name, version, digest, firstSeenAt })
  }
}
