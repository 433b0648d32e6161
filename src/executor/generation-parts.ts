/** What makes generations and rations their threads, as an executor's options want it. */

import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { DEFAULT_CONCURRENCY } from '../domain/package-json.ts'
import type { Generation } from '../generation/generation.ts'
import { NO_GRANTS } from '../generation/permissions.ts'
import { SpareThreads } from '../generation/spare-threads.ts'
import { type ThreadCode, threadCode } from '../generation/thread-code.ts'
import {
  createHost,
  type FactoryOptions,
  GenerationFactory,
} from '../routing/generation-factory.ts'
import { LoadGate } from '../routing/load-gate.ts'
import { NumberBlocks } from '../routing/number-blocks.ts'
import { ThreadBudget } from '../routing/thread-budget.ts'
import type { Source } from '../source/source.ts'
import type { Store } from '../store/store.ts'
import type { ResolvedOptions } from './options.ts'

const KILL_GRACE_MS = 5_000

export interface GenerationParts {
  readonly spare: SpareThreads
  readonly factory: GenerationFactory
  readonly budget: ThreadBudget
}

export function createGenerationParts(
  options: ResolvedOptions,
  deps: {
    readonly boot: string
    readonly store: Store
    readonly source: Source
    readonly generations: () => Iterable<Generation>
    readonly isAwaited: (generation: Generation) => boolean
    readonly onAbandoned: () => void
  },
): GenerationParts {
  const { dataDir, logger } = options
  let code: ThreadCode | undefined
  const slots: Pick<FactoryOptions, 'slotsDir' | 'code' | 'permissions' | 'clock' | 'onAbandoned'> =
    {
      slotsDir: join(dataDir, 'slots'),
      code: () => (code ??= threadCode(join(dataDir, 'thread-code'))),
      permissions: options.permissions,
      clock: systemClock,
      onAbandoned: deps.onAbandoned,
    }
  const spare = new SpareThreads({
    enabled: options.spare,
    clock: systemClock,
    onFault: (error) =>
      logger.warn({ why: messageOf(error) }, 'no spare thread: the next version starts cold'),
    createHost: () =>
      createHost(slots, {
        threads: 1,
        concurrency: DEFAULT_CONCURRENCY,
        resourceLimits: {},
        grants: NO_GRANTS,
      }),
    onReady: (slotDir) => deps.source.offer(slotDir),
  })
  const factory = new GenerationFactory({
    ...slots,
    boot: deps.boot,
    keepWarmMs: options.keepWarmMs,
    loadTimeoutMs: options.loadTimeoutMs,
    killGraceMs: KILL_GRACE_MS,
    maxPayloadBytes: options.maxPayloadBytes,
    numbers: new NumberBlocks(deps.store, 'generation'),
    gate: new LoadGate(),
    spare,
    grants: (tenant, name) => options.tenants[tenant]?.packages?.[name] ?? {},
    link: (...args) => deps.source.link(...args),
  })
  const { coldAfterMs, maxThreads } = options
  const budget = new ThreadBudget({
    generations: deps.generations,
    isAwaited: deps.isAwaited,
    coldAfterMs,
    maxThreads,
    clock: systemClock,
  })
  return { spare, factory, budget }
}
