/** Tests that root, too, can run. */

import { chmodSync } from 'node:fs'
import type { Place } from './drops.ts'

/** Root can read everything: for the length of `work` this process is somebody else. */
export function asOrdinaryUser(place: Place, work: () => void): void {
  const seteuid = process.seteuid?.bind(process)
  if (process.geteuid?.() !== 0 || seteuid === undefined) {
    work()
    return
  }
  chmodSync(place.root, 0o755)
  chmodSync(place.artifactsDir, 0o777)
  seteuid(65_534)
  try {
    work()
  } finally {
    seteuid(0)
  }
}
