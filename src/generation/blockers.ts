/** What a draining generation waits for, as text for people. */

import type { Lane } from './lane.ts'

const SHOWN = 5

/** Up to 5 calls that the lanes hold, oldest first: task, age, progress. `now`: wall clock, ms. */
export function describeBlockers(lanes: Iterable<Lane>, now: number): string[] {
  return [...lanes]
    .flatMap((lane) =>
      lane.held().map((held) => ({ held, begunAt: lane.begunAt(held) ?? Infinity })),
    )
    .sort((a, b) => a.begunAt - b.begunAt)
    .slice(0, SHOWN)
    .map(({ held, begunAt }) => {
      const age = Number.isFinite(begunAt) ? `${Math.round(now - begunAt)} ms` : 'not begun'
      return `${held.request.key} ${age}${held.progress === null ? '' : ` (${held.progress})`}`
    })
}
