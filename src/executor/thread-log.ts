/** What becomes of a generation's threads, as lines of the log. */

import type { Logger } from '../base/logger.ts'
import type { Generation, GenerationUpcalls } from '../generation/generation.ts'

/** `changed` is told after each thread that ended. */
export function threadLog(
  logger: Logger,
  changed: (generation: Generation) => void,
): Pick<GenerationUpcalls, 'crashed' | 'notReplaced'> {
  return {
    crashed: (generation, why) => {
      logger.warn({ ...named(generation), why }, 'a thread ended')
      changed(generation)
    },
    notReplaced: (generation, { code, message }, retryMs) =>
      logger.error({ ...named(generation), code, retryMs }, `no thread in its place: ${message}`),
  }
}

function named({ tenant, package: name, version, number }: Generation): object {
  return { tenant, package: name, version, generation: number }
}
