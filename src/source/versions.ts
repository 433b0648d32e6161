/**
 * Which versions are present, through which entries, and which digest each name and number stands for.
 *
 * V1  the first digest on record for (tenant, package, version) is its digest for ever.
 * V2  a version is present while at least one entry backs it.
 * V3  it is removed after `removeAfterMs` without a backer and at least two listings without one.
 *     While nothing can be listed the count starts anew: unknown is not absent.
 * V4  what is said of a version is said by the entry whose papers are best: signatures before none, a
 *     manifest before none, then what came last. It is reported when it first is so, and again when
 *     another manifest says it; never for an entry that was read again and brings the same.
 * V5  a provisional version is present and not on record: the entry that alone backs it may become
 *     other bytes of that version, once this one is withdrawn; to every other entry it is as if it
 *     were on record.
 */

import { weightOf } from '../domain/signature-policy.ts'
import type { RemovedDrop, StagedDrop } from './source.ts'

interface Absence {
  /** Monotonic ms. */
  readonly since: number
  readonly listings: number
}

interface Present {
  reported: StagedDrop
  /** By entry, in the order in which each brought its manifest. */
  readonly backers: Map<string, StagedDrop>
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

  /** What was reported of the version, as an entry that backs it now (V2); null: none does. */
  present(key: string): StagedDrop | null {
    const present = this.#present.get(key)
    const [first] = present?.backers.keys() ?? []
    if (present === undefined || first === undefined) return null
    const { reported, backers } = present
    return backers.has(reported.entry) ? reported : { ...reported, entry: first }
  }

  /** What was reported of the version that went with `entry`, and is not removed yet (V3); null: none. */
  wentWith(entry: string): StagedDrop | null {
    for (const { reported, backers, lastBacker } of this.#present.values()) {
      if (backers.size === 0 && lastBacker === entry) return reported
    }
    return null
  }

  /** The digest that other bytes of `entry` would be in conflict with (V1, V5). */
  digestOf(key: string, entry?: string): string | undefined {
    const standing = this.provisional(key)
    if (standing === null) return this.#digests.get(key)
    const backers = [...(this.#present.get(key)?.backers.keys() ?? [])]
    return entry !== undefined && backers.every((one) => one === entry)
      ? undefined
      : standing.digest
  }

  /** The version that is present and not on record (V5); null: there is none. */
  provisional(key: string): StagedDrop | null {
    return this.#digests.has(key) ? null : (this.#present.get(key)?.reported ?? null)
  }

  /** A provisional version is no longer present (V5); false: it is not there with this digest. */
  withdraw(key: string, digest: string): boolean {
    return this.#present.get(key)?.reported.digest === digest && this.#present.delete(key)
  }

  /** Puts a version on record (V1). */
  record(key: string, digest: string): void {
    if (!this.#digests.has(key)) this.#digests.set(key, digest)
  }

  /** What is to be reported of the version now (V4); null: nothing new. */
  back(entry: string, drop: StagedDrop): StagedDrop | null {
    const key = versionKey(drop)
    if (drop.provisional !== true) this.#digests.set(key, drop.digest)
    const present = this.#present.get(key)
    if (present === undefined) {
      const backers = new Map([[entry, drop]])
      this.#present.set(key, { reported: drop, backers, lastBacker: entry, absence: null })
      return drop
    }
    const before = present.backers.get(entry)
    if (before === undefined || before.manifest !== drop.manifest) {
      present.backers.delete(entry)
      present.backers.set(entry, drop)
    }
    present.lastBacker = entry
    present.absence = null
    return news(present)
  }

  /** What is to be reported now, where other entries still back the version (V4). */
  release(entry: string, key: string): StagedDrop | null {
    const present = this.#present.get(key)
    if (present?.backers.delete(entry) !== true) return null
    present.lastBacker = entry
    return news(present)
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
        const { tenant, package: name, version, digest } = present.reported
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

/** V4 */
function news(present: Present): StagedDrop | null {
  let best: StagedDrop | null = null
  for (const drop of present.backers.values()) {
    if (best === null || papersOf(drop) >= papersOf(best)) best = drop
  }
  if (best === null || best.manifest === present.reported.manifest) return null
  present.reported = best
  return best
}

function papersOf({ signatures, manifest }: StagedDrop): number {
  return 2 * weightOf(signatures) + (manifest === null ? 0 : 1)
}
