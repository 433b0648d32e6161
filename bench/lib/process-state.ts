/** What a swap must not leave behind in the process. */

import { readdirSync } from 'node:fs'

export interface ProcessState {
  readonly threads: number
  readonly fds: number
  readonly rssMb: number
}

/** Linux only: elsewhere threads and fds are NaN. */
export function processState(): ProcessState {
  return {
    threads: countEntries('/proc/self/task'),
    // The listing itself holds one descriptor, in every count alike.
    fds: countEntries('/proc/self/fd'),
    rssMb: process.memoryUsage.rss() / 2 ** 20,
  }
}

function countEntries(path: string): number {
  try {
    return readdirSync(path).length
  } catch {
    return Number.NaN
  }
}
