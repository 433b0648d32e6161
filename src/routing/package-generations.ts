/**
 * The generations of one (tenant, package): loading new ones, finding those that can serve, and
 * letting go of those nobody needs.
 *
 * Owns: the set of its generations, here and in the registry; how each came to be; the limits.
 * Does not own: which version is loaded and gets the traffic (package-controller.ts), how a version
 * is brought up (generation-factory.ts).
 *
 * P1  One load of a version at a time; whoever asks meanwhile gets the same.
 * P2  Only what has the traffic, is to get it or still ends calls counts against the limit for a
 *     version to be promoted: pins never keep one out.
 * P3  One that is retired is there until it has answered its calls and given its threads back: who
 *     closes waits for it too.
 */

import { HeadgateError } from '../base/errors.ts'
import type { GenerationState } from '../domain/generation-state.ts'
import type { Generation } from '../generation/generation.ts'
import type { StagedDrop } from '../source/source.ts'
import type { ControllerDeps } from './controller-deps.ts'
import type { Loaded } from './generation-factory.ts'

/** Generations of one package that may be loading or serving at once. */
const GENERATION_LIMIT = 4
/** Drained generations of one package kept warm; the oldest goes first. */
const WARM_LIMIT = 4

/** What a load is for: a version that is to get the traffic, or one that a caller named. */
export type LoadFor = 'promotion' | 'pin'

/** Beside the active one. */
const PINNABLE: ReadonlySet<GenerationState> = new Set(['standby', 'drained'])

/** P2 */
const UNCOUNTED: Readonly<Record<LoadFor, ReadonlySet<GenerationState>>> = {
  promotion: new Set(['standby', 'drained']),
  pin: new Set(['drained']),
}

export interface Origin extends Loaded {
  readonly drop: StagedDrop
}

export interface PackageGenerationsDeps
  extends Pick<ControllerDeps, 'swapper' | 'generationUpcalls' | 'loadVersion'> {
  readonly loaded: (drop: StagedDrop) => void
  /** Not told of what was given up. */
  readonly failed: (drop: StagedDrop, error: unknown) => void
}

export class PackageGenerations {
  readonly #deps: PackageGenerationsDeps
  readonly #all = new Set<Generation>()
  /** P3 */
  readonly #ending = new Set<Generation>()
  readonly #origins = new WeakMap<Generation, Origin>()
  /** By version. */
  readonly #loads = new Map<string, Promise<Generation>>()
  #closed = false

  constructor(deps: PackageGenerationsDeps) {
    this.#deps = deps
  }

  /** Newest first. */
  list(): Generation[] {
    return [...this.#all].sort((a, b) => b.number - a.number)
  }

  /** How a loaded one came to be. */
  origin(generation: Generation): Origin | undefined {
    return this.#origins.get(generation)
  }

  /** The newest of `version` that requests can be bound to. */
  live(version: string): Generation | undefined {
    return this.list().find((one) => one.live && one.version === version)
  }

  /**
   * The newest of `version` to bind a pin to, in the same step: one that is kept warm may expire in the
   * next. A draining one has to come to its end, unless the executor closes: then it stays until no
   * task calls any more.
   */
  forPin(version: string): Generation | undefined {
    if (this.#closed) return this.live(version)
    return this.list().find((one) => one.version === version && PINNABLE.has(one.state))
  }

  isLoading(version: string): boolean {
    return this.#loads.has(version)
  }

  /** P1 */
  load(drop: StagedDrop, what: LoadFor): Promise<Generation> {
    const running = this.#loads.get(drop.version)
    if (running !== undefined) return running
    if (this.#closed) return Promise.reject(new HeadgateError('EXECUTOR_CLOSING'))
    const full = this.#full(drop, what)
    if (full !== null) {
      // P2: of a pin only its caller is told.
      if (what === 'promotion') this.#deps.failed(drop, full)
      return Promise.reject(full)
    }
    const load = this.#load(drop)
      .catch((error: unknown) => {
        if (this.#closed) throw new HeadgateError('EXECUTOR_CLOSING')
        this.#deps.failed(drop, error)
        throw error
      })
      .finally(() => this.#loads.delete(drop.version))
    this.#loads.set(drop.version, load)
    return load
  }

  /** A generation left its state. */
  transitioned(generation: Generation): void {
    const { state } = generation
    if (state === 'retired' || state === 'rejected') {
      this.#all.delete(generation)
      this.#deps.swapper.registry.remove(generation)
      this.#ending.add(generation)
      void generation.ended().finally(() => this.#ending.delete(generation))
    }
    if (state === 'drained' && !this.#closed) this.#evictWarm()
  }

  /** No load begins from now on, and those under way are given up; resolves when they have ended. */
  async giveUpLoads(): Promise<void> {
    this.#closed = true
    for (const generation of this.#all) giveUp(generation)
    await Promise.allSettled(this.#loads.values())
  }

  async drain(): Promise<void> {
    await Promise.all(this.list().map((generation) => generation.drain()))
  }

  async close(force: boolean): Promise<void> {
    const all = [...this.#all, ...this.#ending]
    await Promise.all(all.map((generation) => generation.close(force)))
  }

  /** null: there is room for one more. */
  #full({ package: name, version }: StagedDrop, what: LoadFor): HeadgateError | null {
    const busy = this.list().filter(({ state }) => !UNCOUNTED[what].has(state)).length
    if (busy < GENERATION_LIMIT) return null
    return new HeadgateError('GENERATION_LIMIT', {
      package: name,
      version,
      limit: GENERATION_LIMIT,
    })
  }

  async #load(drop: StagedDrop): Promise<Generation> {
    const { loadVersion, generationUpcalls, swapper } = this.#deps
    const onBorn = (born: Generation): void => {
      this.#all.add(born)
      swapper.registry.add(born)
      // It is loading right after this.
      if (this.#closed) queueMicrotask(() => giveUp(born))
    }
    const accepted = this.list().find((one) => one.accepted !== undefined)?.accepted ?? null
    const loaded = await loadVersion(drop, generationUpcalls, onBorn, accepted)
    this.#origins.set(loaded.generation, { ...loaded, drop })
    this.#deps.loaded(drop)
    return loaded.generation
  }

  #evictWarm(): void {
    const warm = this.list().filter(
      ({ state, ledger, claims }) => state === 'drained' && ledger.zero && !claims.any,
    )
    for (const generation of warm.sort((a, b) => b.since - a.since).slice(WARM_LIMIT)) {
      generation.take('expire', 'newer ones are warm')
    }
  }
}

/** Ends one that is still being loaded. */
function giveUp(generation: Generation): void {
  if (generation.can('refuse')) generation.take('refuse', 'the executor closes')
}
