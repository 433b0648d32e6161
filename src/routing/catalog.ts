/**
 * The versions of one (tenant, package) that lie in the folder, and why some are not taken.
 */

import type { ErrorRecord } from '../base/errors.ts'
import { compareVersions } from '../domain/version-policy.ts'
import type { StagedDrop } from '../source/source.ts'

export interface LoadRefusal {
  readonly drop: StagedDrop
  readonly kind: 'rejected' | 'deferred'
  readonly error: ErrorRecord
  readonly since: number
}

export class Catalog {
  /** By version; entries with equal bytes are one version. */
  readonly #drops = new Map<string, Map<string, StagedDrop>>()
  /** By version. Holds only for the digest it was said of. */
  readonly #refused = new Map<string, LoadRefusal>()

  add(drop: StagedDrop): void {
    const entries = this.#drops.get(drop.version) ?? new Map<string, StagedDrop>()
    entries.set(drop.entry, drop)
    this.#drops.set(drop.version, entries)
  }

  /** The entry is gone; the version is when it was the last. */
  remove(version: string, entry: string): void {
    const entries = this.#drops.get(version)
    entries?.delete(entry)
    if (entries?.size === 0) {
      this.#drops.delete(version)
      this.#refused.delete(version)
    }
  }

  get(version: string): StagedDrop | undefined {
    const entries = this.#drops.get(version)
    return entries?.values().next().value
  }

  /** Highest first. */
  versions(): string[] {
    return [...this.#drops.keys()].sort((a, b) => compareVersions(b, a))
  }

  /** Those that are not refused. */
  eligible(): string[] {
    return this.versions().filter((version) => !this.#refused.has(version))
  }

  refuse(refusal: LoadRefusal): void {
    this.#refused.set(refusal.drop.version, refusal)
  }

  forgive(version: string): void {
    this.#refused.delete(version)
  }

  refusal(version: string): LoadRefusal | undefined {
    return this.#refused.get(version)
  }

  refusals(): LoadRefusal[] {
    return [...this.#refused.values()]
  }
}
