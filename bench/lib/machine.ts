/** What the figures were taken on. */

import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

/** Above this load a core is busy with something else and a verdict would mean nothing. */
const QUIET_LOAD_PER_CORE = 0.3

export interface Machine {
  readonly node: string
  readonly cores: number
  /** Load average of the last minute at the start. */
  readonly load: number
  readonly quiet: boolean
  readonly description: string
}

export function describeMachine(): Machine {
  const cores = availableParallelism()
  const load = Math.round((loadavg()[0] ?? 0) * 100) / 100
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const gib = Math.round(totalmem() / 2 ** 30)
  return {
    node: process.version,
    cores,
    load,
    quiet: load <= QUIET_LOAD_PER_CORE * cores,
    description: `${cores} x ${model}, ${gib} GiB, ${process.platform} ${release()}`,
  }
}
