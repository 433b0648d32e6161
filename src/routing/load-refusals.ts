/**
 * Versions of one package that could not be loaded: how each is refused, and when it is tried again.
 *
 * Owns: the kinds of refusal, the pauses between tries.
 * Does not own: where refusals are kept (catalog.ts), what is loaded next (package-controller.ts).
 *
 * F1  What is refused for its code is never loaded again by itself: only new bytes, which need a new
 *     number, or an operator do that.
 * F2  What is put off is tried again by itself: when there is room, or after 1 s and then later and
 *     later, up to 60 s.
 * F3  A try that was planned for an earlier refusal of a version does not touch a later one.
 */

import { HeadgateError, toHeadgateError } from '../base/errors.ts'
import { doubling } from '../base/doubling.ts'
import type { StagedDrop } from '../source/source.ts'
import type { Catalog, LoadRefusal } from './catalog.ts'

const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000

export interface LoadRefusalDeps {
  readonly catalog: Catalog
  readonly now: () => number
  readonly after: (ms: number, fn: () => void) => void
  readonly warn: (fields: object, message: string) => void
  /** A version may be loaded again. */
  readonly eligible: () => void
}

export class LoadRefusals {
  readonly #deps: LoadRefusalDeps
  readonly #tries = new Map<string, number>()

  constructor(deps: LoadRefusalDeps) {
    this.#deps = deps
  }

  /** Versions put off only until another generation has drained. */
  get waitForRoom(): LoadRefusal[] {
    return this.#deps.catalog.refusals().filter(({ again }) => again === 'room')
  }

  refuse(drop: StagedDrop, thrown: unknown): void {
    const { catalog, now, warn } = this.#deps
    const error = toHeadgateError(thrown)
    warn({ package: drop.package, version: drop.version, code: error.code }, error.message)
    // A fault of ours, or of the machine, is not the fault of the bytes.
    const kind = error.retryable || error.code === 'INTERNAL' ? 'deferred' : 'rejected'
    const facts = { drop, kind, error: error.toRecord(), since: now() } as const
    if (kind === 'rejected') catalog.refuse({ ...facts, again: 'change', retryAt: null })
    else if (error.code === 'GENERATION_LIMIT') {
      catalog.refuse({ ...facts, again: 'room', retryAt: null })
    } else this.#retryLater(facts)
  }

  /** Its threads died again and again. */
  crashed(drop: StagedDrop, exits: number): void {
    const facts = { package: drop.package, version: drop.version, exits, windowMs: 10_000 }
    const error = new HeadgateError('CRASH_LOOP', facts).toRecord()
    const since = this.#deps.now()
    const refusal = {
      drop,
      kind: 'rejected',
      error,
      since,
      again: 'change',
      retryAt: null,
    } as const
    this.#deps.catalog.refuse(refusal)
  }

  /** A generation has gone: all that wait for room may try, so that the newest comes first. */
  makeRoom(): void {
    const waiting = this.waitForRoom
    for (const { drop } of waiting) this.#deps.catalog.forgive(drop.version)
    if (waiting.length > 0) this.#deps.eligible()
  }

  /** It was loaded, or has left the folder: its next trouble is a first one. */
  forget(version: string): void {
    this.#tries.delete(version)
    this.#deps.catalog.forgive(version)
  }

  #retryLater(facts: Omit<LoadRefusal, 'again' | 'retryAt'>): void {
    const { catalog, after, eligible } = this.#deps
    const { version } = facts.drop
    const tries = this.#tries.get(version) ?? 0
    this.#tries.set(version, tries + 1)
    const wait = doubling(FIRST_RETRY_MS, LONGEST_RETRY_MS, tries)
    const refusal: LoadRefusal = { ...facts, again: 'retry', retryAt: facts.since + wait }
    catalog.refuse(refusal)
    after(wait, () => {
      // F3
      if (catalog.refusal(version) !== refusal) return
      catalog.forgive(version)
      eligible()
    })
  }
}
