/**
 * The threads V8 compiles and collects garbage with while `headgate start` runs: how many, and how
 * urgent.
 *
 * Node starts four, whatever the machine. On fewer cores they take turns with the threads that serve,
 * most of all after a swap, when V8 compiles the new version: a thread that a call has woken waits
 * until the compiler's time slice is over. So there are fewer, and they give way.
 *
 * The number is fixed when a process begins, so the process begins anew: same pid, same streams, same
 * environment. The priority is that of the kernel's threads, which only Linux has one by one.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, getPriority, setPriority } from 'node:os'

const FLAG = '--v8-pool-size'
/** Node's own number. */
const DEFAULT_THREADS = 4
/**
 * Added to the nice value. At 10 a thread still gets a tenth of a core that others want whole; at 19
 * code stayed slow for seconds where calls keep every core busy.
 */
const GIVES_WAY_BY = 10
const LEAST_URGENT = 19
const TASKS = '/proc/self/task'

/** Node's flags for a machine with `cores`; none where Node's own number is right. */
export function helperThreadsFlags(cores: number = availableParallelism()): string[] {
  return hasCoresForAll(cores) ? [] : [`${FLAG}=${Math.max(1, cores - 1)}`]
}

/** For Node's own number of them, and the main thread. */
function hasCoresForAll(cores: number): boolean {
  return cores > DEFAULT_THREADS
}

/** The threads of V8's in this process give way to those that serve. Where that cannot be, nothing. */
export function lowerHelperThreads(cores: number = availableParallelism()): void {
  if (process.platform !== 'linux' || hasCoresForAll(cores)) return
  try {
    for (const tid of helperThreads()) {
      setPriority(tid, Math.min(LEAST_URGENT, getPriority(tid) + GIVES_WAY_BY))
    }
  } catch {
    // No /proc, or no right to it: they stay as urgent as they are.
  }
}

/** Ids of the kernel's. */
function helperThreads(): number[] {
  return readdirSync(TASKS)
    .filter((tid) => readFileSync(`${TASKS}/${tid}/comm`, 'utf8').includes('V8Worker'))
    .map(Number)
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
