/** Measures a closed loop: warm-up, then a window in which tasks, CPU and latencies count. */

import { setTimeout as sleep } from 'node:timers/promises'
import { closedLoop } from './load.ts'

export interface MeasureOptions {
  readonly inFlight: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** One request, judged; what it throws ends the measurement. */
  readonly call: (index: number) => Promise<void>
  /** Called for each request that began and ended in the window. */
  readonly record: (index: number, ms: number) => void
}

export interface Measured {
  readonly tasks: number
  readonly tasksPerSecond: number
  /** CPU of all threads of this process per task, µs. */
  readonly cpuUs: number
}

export async function measure(options: MeasureOptions): Promise<Measured> {
  const { call, record } = options
  let from = Number.POSITIVE_INFINITY
  let tasks = 0
  const load = closedLoop(options.inFlight, async (index, at) => {
    await call(index)
    if (from === Number.POSITIVE_INFINITY) return
    tasks += 1
    if (at >= from) record(index, performance.now() - at)
  })
  await sleep(options.warmUpMs)
  const cpuBefore = process.cpuUsage()
  from = performance.now()
  await sleep(options.measureMs)
  const seconds = (performance.now() - from) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  const counted = tasks
  from = Number.POSITIVE_INFINITY
  await load.stop()
  return {
    tasks: counted,
    tasksPerSecond: counted / seconds,
    cpuUs: (cpu.user + cpu.system) / counted,
  }
}
