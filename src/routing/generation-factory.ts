/**
 * Makes a generation of a drop: number, limits, permissions, configuration, first thread.
 *
 * Owns: what of the author's wishes the operator grants, and whether the spare thread may serve.
 * Does not own: the life of the generation afterwards.
 */

import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import { hasSchemas } from '../domain/declared.ts'
import { type PermissionGrants, refusedWish } from '../domain/grants.ts'
import type { PackageOptions } from '../domain/package-json.ts'
import { fitsAnyThread } from '../domain/thread-class.ts'
import { type Accepted, stillAccepted } from '../generation/accepted.ts'
import type { BringUpTimes } from '../generation/bring-up.ts'
import { Generation, type GenerationUpcalls } from '../generation/generation.ts'
import { NO_GRANTS, type ThreadGrants } from '../generation/permissions.ts'
import { type SpareThreads, type WarmThread, openWarmThread } from '../generation/spare-threads.ts'
import type { ThreadCode } from '../generation/thread-code.ts'
import { ThreadHost } from '../generation/thread-host.ts'
import type { Source, StagedDrop } from '../source/source.ts'
import type { LoadGate } from './load-gate.ts'
import type { NumberBlocks } from './number-blocks.ts'

/** Operator's side of one package of one tenant. */
export interface PackageGrants {
  readonly config?: unknown
  readonly secrets?: Readonly<Record<string, string>>
  readonly permissions?: PermissionGrants
}

export interface FactoryOptions {
  readonly boot: string
  readonly slotsDir: string
  /** What threads run; asked for when the first one starts. */
  readonly code: () => ThreadCode
  readonly permissions: 'on' | 'off'
  readonly keepWarmMs: number
  readonly loadTimeoutMs: number
  readonly killGraceMs: number
  readonly maxPayloadBytes: number
  readonly clock: Clock
  readonly numbers: NumberBlocks
  readonly spare: SpareThreads
  readonly gate: LoadGate
  readonly grants: (tenant: string, packageName: string) => PackageGrants
  readonly link: Source['link']
  readonly onAbandoned: () => void
}

export interface Loaded {
  readonly generation: Generation
  readonly spare: 'hit' | 'miss'
  readonly times: BringUpTimes
}

let slots = 0

/** A folder name no other host of this process uses. */
export function nextSlot(slotsDir: string): string {
  return join(slotsDir, `${process.pid}-${++slots}`)
}

export class GenerationFactory {
  readonly #options: FactoryOptions
  #closed = false

  constructor(options: FactoryOptions) {
    this.#options = options
  }

  /**
   * Numbers the generation, loads it and probes it; it is then in standby. `born` is called before
   * loading, a second time when the spare thread was lost. `accepted`: what it will most likely
   * define. Throws the coded refusal; the generation is then rejected.
   */
  async load(
    drop: StagedDrop,
    upcalls: GenerationUpcalls,
    born: (generation: Generation) => void,
    accepted: Accepted | null,
  ): Promise<Loaded> {
    const options = this.#options
    const operator = options.grants(drop.tenant, drop.package)
    const grants = granted(drop, operator)
    return options.gate.run(() => {
      if (this.#closed) throw new HeadgateError('EXECUTOR_CLOSING')
      return this.#withThread(drop, grants, async (warm, greeted) => {
        const number = await options.numbers.take()
        const known = stillAccepted(accepted, drop.declared ?? null)
        const generation = this.#generation(drop, operator, grants, number, upcalls, known)
        born(generation)
        const times = await generation.load(warm, greeted)
        return { generation, spare: greeted ? 'hit' : 'miss', times }
      })
    })
  }

  /** No version is loaded from now on; those that serve may still bring threads back. */
  close(): void {
    this.#closed = true
  }

  /**
   * Runs `start` with the spare thread where it fits, else with one of its own. A spare that was lost
   * before the package's own code began is not the package's fault: once more, on one of its own.
   */
  async #withThread<T>(
    drop: StagedDrop,
    grants: ThreadGrants,
    start: (first: WarmThread, greeted: boolean) => Promise<T>,
    unwanted?: AbortSignal,
  ): Promise<T> {
    unwanted?.throwIfAborted()
    const { spare } = this.#options
    const taken = fitsAnyThread(drop.options) ? spare.take() : undefined
    if (taken !== undefined) {
      try {
        return await start(taken, true)
      } catch (error) {
        if (!isInterrupted(error)) throw error
        unwanted?.throwIfAborted()
      } finally {
        spare.refillLater()
      }
    }
    return start(openWarmThread(this.#host(drop.options, grants)), false)
  }

  #generation(
    drop: StagedDrop,
    operator: PackageGrants,
    grants: ThreadGrants,
    number: number,
    upcalls: GenerationUpcalls,
    accepted: Accepted | null,
  ): Generation {
    const options = this.#options
    return new Generation({
      number,
      digest: drop.digest,
      load: {
        type: 'load',
        entry: drop.entryFile,
        tenant: drop.tenant,
        package: drop.package,
        version: drop.version,
        generation: number,
        boot: options.boot,
        env: visibleEnvironment(drop.options.permissions.env),
        config: operator.config ?? null,
        secrets: operator.secrets ?? {},
        maxPayloadBytes: options.maxPayloadBytes,
        schemas: drop.declared !== undefined && hasSchemas(drop.declared),
      },
      declared: drop.declared ?? null,
      accepted,
      threads: drop.options.threads,
      drainTimeoutMs: drop.options.drainTimeoutMs,
      keepWarmMs: drop.options.keepWarmMs ?? options.keepWarmMs,
      loadTimeoutMs: options.loadTimeoutMs,
      killGraceMs: options.killGraceMs,
      link: (slotDir) => options.link(drop.digest, slotDir, drop.entryFile),
      withThread: (start, unwanted) =>
        options.gate.run(() => this.#withThread(drop, grants, start, unwanted)),
      clock: options.clock,
      upcalls,
    })
  }

  #host(wishes: PackageOptions, grants: ThreadGrants): ThreadHost {
    return createHost(this.#options, {
      threads: wishes.threads,
      concurrency: wishes.concurrency,
      resourceLimits: wishes.resourceLimits,
      grants,
    })
  }
}

/** A host in a slot of its own. */
export function createHost(
  options: Pick<FactoryOptions, 'slotsDir' | 'code' | 'permissions' | 'clock' | 'onAbandoned'>,
  shape: {
    readonly threads: number
    readonly concurrency: number
    readonly resourceLimits: PackageOptions['resourceLimits']
    readonly grants: ThreadGrants
  },
): ThreadHost {
  return new ThreadHost({
    slotDir: nextSlot(options.slotsDir),
    code: options.code(),
    permissions: options.permissions,
    clock: options.clock,
    onAbandoned: options.onAbandoned,
    ...shape,
  })
}

function isInterrupted(error: unknown): boolean {
  return error instanceof HeadgateError && error.code === 'LOAD_INTERRUPTED'
}

/** Throws PERMISSION_NOT_GRANTED for the first wish the operator does not grant. */
function granted(drop: StagedDrop, operator: PackageGrants): ThreadGrants {
  const wishes = drop.options.permissions
  const refusal = refusedWish(drop, wishes, operator.permissions ?? {})
  if (refusal !== null) throw refusal
  if (!wishes.net && wishes.read.length === 0 && wishes.write.length === 0) return NO_GRANTS
  return { net: wishes.net, read: wishes.read, write: wishes.write }
}

/** What a package sees of `env`: the variables it asks for. */
export function visibleEnvironment(
  names: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const visible: Record<string, string> = {}
  for (const name of names) {
    const value = env[name]
    if (value !== undefined) visible[name] = value
  }
  return visible
}
