/**
 * The versions of one (tenant, package) that lie in the folder, and why some are not taken.
 */

import type { ErrorRecord } from '../base/errors.ts'
import type { PackagePolicy } from '../domain/route.ts'
import { compareVersions, parsePolicy } from '../domain/version-policy.ts'
import type { StagedDrop } from '../source/source.ts'
import type { Candidate } from './target.ts'

export interface LoadRefusal {
  readonly drop: StagedDrop
  readonly kind: 'rejected' | 'deferred'
  readonly error: ErrorRecord
  readonly since: number
  /** What has to happen before it is loaded again. */
  readonly again: 'change' | 'retry' | 'room'
  /** Wall clock, ms, of the next try; null: not a matter of time. */
  readonly retryAt: number | null
}

export class Catalog {
  /** By version; the source reports a version once, through however many entries it is present. */
  readonly #drops = new Map<string, StagedDrop>()
  /** By version. Holds only for the digest and the manifest it was said of. */
  readonly #refused = new Map<string, LoadRefusal>()

  add(drop: StagedDrop): void {
    this.#drops.set(drop.version, drop)
  }

  remove(version: string): void {
    this.#drops.delete(version)
    this.#refused.delete(version)
  }

  get(version: string): StagedDrop | undefined {
    return this.#drops.get(version)
  }

  get isEmpty(): boolean {
    return this.#drops.size === 0
  }

  /** Highest first. */
  versions(): string[] {
    return [...this.#drops.keys()].sort((a, b) => compareVersions(b, a))
  }

  /** Those that are not refused. */
  eligible(): string[] {
    return this.versions().filter((version) => !this.#refused.has(version))
  }

  /** The eligible ones with what each says of promotion. */
  candidates(): Candidate[] {
    return this.eligible().map((version) => ({ version, promotion: this.promotionOf(version) }))
  }

  /** What the version says of promotion; `auto` where it says nothing. */
  promotionOf(version: string): PackagePolicy {
    return parsePolicy(this.get(version)?.options.promotion ?? 'auto')
  }

  refuse(refusal: LoadRefusal): void {
    this.#refused.set(refusal.drop.version, refusal)
  }

  /** It is refused no longer when it has other bytes now, those of its manifest included. */
  review(drop: StagedDrop): void {
    const refused = this.#refused.get(drop.version)?.drop
    if (refused === undefined) return
    const { digest, manifest } = drop
    if (refused.digest !== digest || refused.manifest !== manifest) this.forgive(drop.version)
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
