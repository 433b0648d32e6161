/**
 * Which versions are present, through which entries, and which digest each name and number stands for.
 *
 * V1  the first digest seen for (tenant, package, version) is its digest for ever.
 * V2  a version is present while at least one entry backs it.
 * V3  it is removed after `removeAfterMs` without a backer and at least two listings without one.
 *     While nothing can be listed the count starts anew: unknown is not absent.
 */

import type { RemovedDrop, StagedDrop } from './source.ts'

interface Absence {
  /** Monotonic ms. */
  readonly since: number
  readonly listings: number
}

interface Present {
  readonly drop: StagedDrop
  readonly backers: Set<string>
  lastBacker: string
  absence: Absence | null
}

/** `tenant/package@version`, the key of SourceOptions.known. */
export function versionKey(drop: {
  readonly tenant: string
  readonly package: string
  readonly version: string
}): string {
  return `${drop.tenant}/${drop.package}@${drop.version}`
}

export class Versions {
  readonly #digests: Map<string, string>
  readonly #present = new Map<string, Present>()
  readonly #removeAfterMs: number

  constructor(known: ReadonlyMap<string, string>, removeAfterMs: number) {
    this.#digests = new Map(known)
    this.#removeAfterMs = removeAfterMs
  }

  get size(): number {
    return this.#present.size
  }

  /** True while an entry backs the version (V2). */
  isPresent(key: string): boolean {
    return (this.#present.get(key)?.backers.size ?? 0) > 0
  }

  /** The digest on record (V1). */
  digestOf(key: string): string | undefined {
    return this.#digests.get(key)
  }

  /** Puts a version on record that lies in no folder (V1). */
  record(key: string, digest: string): void {
    if (!this.#digests.has(key)) this.#digests.set(key, digest)
  }

  /** True when the version was not present before: it is to be reported. */
  back(entry: string, drop: StagedDrop): boolean {
    const key = versionKey(drop)
    this.#digests.set(key, drop.digest)
    const present = this.#present.get(key)
    if (present === undefined) {
      const backers = new Set([entry])
      this.#present.set(key, { drop, backers, lastBacker: entry, absence: null })
      return true
    }
    present.backers.add(entry)
    present.lastBacker = entry
    present.absence = null
    return false
  }

  release(entry: string, key: string): void {
    const present = this.#present.get(key)
    if (present?.backers.delete(entry) === true) present.lastBacker = entry
  }

  /** After each listing: what is now removed (V3), and at which monotonic time the next may be. */
  sweep(monotonic: number): { readonly removed: RemovedDrop[]; readonly nextAt: number | null } {
    const removed: RemovedDrop[] = []
    let nextAt: number | null = null
    for (const [key, present] of this.#present) {
      if (present.backers.size > 0) continue
      const { since, listings } = present.absence ?? { since: monotonic, listings: 0 }
      const dueAt = since + this.#removeAfterMs
      if (listings >= 1 && monotonic >= dueAt) {
        this.#present.delete(key)
        const { tenant, package: name, version, digest } = present.drop
        removed.push({ entry: present.lastBacker, tenant, package: name, version, digest })
        continue
      }
      present.absence = { since, listings: listings + 1 }
      nextAt = nextAt === null ? dueAt : Math.min(nextAt, dueAt)
    }
    return { removed, nextAt }
  }

  /** Nothing could be listed (V3). */
  restartAbsences(): void {
    for (const present of this.#present.values()) present.absence = null
  }
}
