/** What an executor does when a generation calls up: whom it tells, in which order. */

import type { TypedEmitter } from '../base/events.ts'
import type { Logger } from '../base/logger.ts'
import type { Invoker } from '../engine/invoker.ts'
import type { Generation, GenerationUpcalls, Transition } from '../generation/generation.ts'
import type { SpareThreads } from '../generation/spare-threads.ts'
import type { Dispatcher } from '../routing/dispatcher.ts'
import type { PackageController } from '../routing/package-controller.ts'
import type { ThreadBudget } from '../routing/thread-budget.ts'
import type { Source } from '../source/source.ts'
import type { ExecutorEvents } from './api.ts'
import type { Outbox } from './outbox.ts'
import { relayLog } from './package-log.ts'
import { answerTask } from './task-invoke.ts'
import { threadLog } from './thread-log.ts'

export interface UpcallParts {
  readonly source: Pick<Source, 'record'>
  readonly dispatcher: Dispatcher
  readonly budget: ThreadBudget
  readonly spare: SpareThreads
  readonly outbox: Outbox
  readonly events: TypedEmitter<ExecutorEvents>
  readonly logger: Logger
  /** Asked when a generation calls, because these are made of the upcalls in turn. */
  readonly invoker: () => Invoker
  readonly controller: (of: Generation) => PackageController
  readonly changed: (of: Generation) => void
}

export function createUpcalls(parts: UpcallParts): GenerationUpcalls {
  const {
    source,
    dispatcher,
    budget,
    spare,
    outbox,
    events,
    logger,
    invoker,
    controller,
    changed,
  } = parts
  const transition = (generation: Generation, transition: Transition): void => {
    const { tenant, package: name, version, digest, number } = generation
    const entry = { ...transition, tenant, package: name, version, digest, generation: number }
    controller(generation).transitioned(generation)
    if (!generation.live) invoker().ended(generation)
    const { to, reason } = transition
    // From standby on it can be called, if only by its version.
    if (to === 'standby') source.record(generation)
    if (to === 'active') budget.enforce()
    if (to === 'drained' || to === 'retired' || to === 'rejected') spare.refillLater()
    logger.info({ package: name, version, generation: number, to, reason }, 'generation')
    outbox.append(entry)
  }
  return {
    transition,
    capacity: (generation) => dispatcher.refill(controller(generation).line),
    gaveBack: (generation, requests) =>
      dispatcher.giveBack(controller(generation).line, generation, requests),
    log: (generation, message) => relayLog(generation, message, events, logger),
    invoke: (generation, lane, message) => answerTask(invoker(), generation, lane, message),
    ...threadLog(logger, changed),
    crashLoop: (generation, exits) => controller(generation).crashLoop(generation, exits),
    threadsChanged: (generation) => {
      budget.enforce()
      changed(generation)
    },
    unavailable: (generation, error) =>
      dispatcher.unavailable(controller(generation).line, generation, error),
  }
}
