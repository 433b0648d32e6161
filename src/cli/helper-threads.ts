/**
 * How many threads V8 compiles and collects garbage with while `headgate start` runs.
 *
 * Node starts four, whatever the machine. On fewer cores they take turns with the threads that serve,
 * most of all after a swap, when V8 compiles the new version. The number is fixed when a process
 * begins, so the process begins anew: same pid, same streams, same environment.
 */

import { availableParallelism } from 'node:os'

const FLAG = '--v8-pool-size'
/** Node's own number. */
const DEFAULT_THREADS = 4

/** Node's flags for a machine with `cores`; none where Node's own number is right. */
export function helperThreadsFlags(cores: number = availableParallelism()): string[] {
  return cores > DEFAULT_THREADS ? [] : [`${FLAG}=${Math.max(1, cores - 1)}`]
}

export interface Process {
  readonly execPath: string
  readonly execArgv: readonly string[]
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** It was forked: its channel would be lost. */
  readonly channel?: unknown
  /** Not on Windows. */
  readonly execve?: (file: string, args: readonly string[], env?: NodeJS.ProcessEnv) => unknown
}

/** Returns when the process is not begun anew: there is no need, no way, or somebody chose. */
export function limitHelperThreads(self: Process = process, cores?: number): void {
  const flags = helperThreadsFlags(cores)
  // Node takes underscores for hyphens.
  const given = [...self.execArgv, self.env['NODE_OPTIONS'] ?? ''].join(' ').replaceAll('_', '-')
  if (flags.length === 0 || given.includes(FLAG) || given.includes('--inspect')) return
  if (self.execve === undefined || self.channel !== undefined) return
  const args = [self.execPath, ...self.execArgv, ...flags, ...self.argv.slice(1)]
  self.execve(self.execPath, args, { ...self.env })
}
