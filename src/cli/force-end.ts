/** The end after a second signal: what runs is lost. */

import { delay, systemClock } from '../base/clock.ts'
import type { Executor } from '../executor/api.ts'
import type { RunningServer } from '../server/start-server.ts'
import type { CommandContext } from './command-context.ts'
import { EXIT } from './exit-codes.ts'
import type { ShutdownSignal } from './shutdown-signals.ts'

export interface Running {
  executor: Executor | undefined
  server: RunningServer | undefined
}

/** Time for threads to end before the process ends under them. */
const FORCED_MS = 2_000

/** How a process ends that a signal has cut short. */
export const FORCED_EXIT = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hungUp,
} as const

/** Returns the exit code. */
export async function forceEnd(
  { leaveThreads }: Pick<CommandContext, 'leaveThreads'>,
  { executor, server }: Running,
  signal: ShutdownSignal,
): Promise<number> {
  const hasEnded = await Promise.race([
    Promise.allSettled([executor?.close({ force: true }), server?.close()]).then(() => true),
    delay(systemClock, FORCED_MS).then(() => false),
  ])
  if (!hasEnded) leaveThreads()
  return FORCED_EXIT[signal]
}
