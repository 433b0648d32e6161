/** Who holds a data dir: `lock.pid`, beside the lock itself (lock.ts). Read without SQLite. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export function holderFile(dir: string): string {
  return join(dir, 'lock.pid')
}

/**
 * Pid of the executor that holds the data dir, or of one that was killed; null: there is none, or it
 * has the lock since this moment: it writes the file just after.
 */
export function readHolder(dir: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(holderFile(dir), 'utf8'), 10)
    return Number.isSafeInteger(pid) ? pid : null
  } catch {
    return null
  }
}
