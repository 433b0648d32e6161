/**
 * Looks at the lanes of one generation while they hold something.
 *
 * Owns: finding threads that stand still and calls whose deadline has passed.
 * Does not own: ending a thread or answering a caller (thread-crew.ts).
 *
 * W1  A batch of which nothing was begun between two looks gives back what is not begun: short tasks
 *     do not wait behind a long one, and nothing waits behind a hung one.
 * W2  A deadline counts from begin. When it passes, the call is aborted; a thread whose event loop
 *     does not turn within BLOCKED_MS of that is blocked; one that turns, but whose call does not end
 *     within the grace, is stubborn.
 * W3  No timer runs while the lanes hold nothing.
 * W4  What looks overdue is looked at once more after the messages that wait were read: after a
 *     stall of this thread a timer runs before them, and the answer may lie there.
 */

import type { Clock, Timer } from '../base/clock.ts'
import type { Held } from './held.ts'
import type { Lane } from './lane.ts'

const STALL_LOOK_MS = 1
const BLOCKED_MS = 250

export interface LaneWatchOptions {
  readonly clock: Clock
  readonly lanes: () => Iterable<Lane>
  /** Shortest timeout of any task, ms: sets how often deadlines are looked at. */
  readonly shortestTimeoutMs: number
  readonly killGraceMs: number
  readonly onStalled: (lane: Lane) => void
  readonly onDeadline: (lane: Lane, held: Held) => void
  readonly onBlocked: (lane: Lane, held: Held) => void
  readonly onStubborn: (lane: Lane, held: Held) => void
}

interface Look {
  readonly batch: number
  readonly begun: number
}

export class LaneWatch {
  readonly #options: LaneWatchOptions
  readonly #looks = new WeakMap<Lane, Look>()
  readonly #deadlineLookMs: number
  #stall: Timer | undefined
  #deadline: Timer | undefined
  #judging: NodeJS.Immediate | undefined
  #ended = false

  constructor(options: LaneWatchOptions) {
    this.#options = options
    this.#deadlineLookMs = Math.min(250, Math.max(5, options.shortestTimeoutMs / 8))
  }

  /** Call after each hand-over. */
  arm(): void {
    if (this.#ended) return
    this.#stall ??= this.#options.clock.after(STALL_LOOK_MS, this.#lookForStalls)
    this.#deadline ??= this.#options.clock.after(this.#deadlineLookMs, this.#lookForDeadlines)
  }

  end(): void {
    this.#ended = true
    this.#stall?.cancel()
    this.#deadline?.cancel()
    clearImmediate(this.#judging)
  }

  readonly #lookForStalls = (): void => {
    this.#stall = undefined
    let underWay = false
    for (const lane of this.#options.lanes()) {
      const batch = lane.batchUnderWay
      if (batch === null) continue
      underWay = true
      const begun = lane.begunCount
      const last = this.#looks.get(lane)
      if (last?.batch === batch && last.begun === begun) this.#options.onStalled(lane)
      this.#looks.set(lane, { batch, begun })
    }
    if (underWay && !this.#ended) {
      this.#stall ??= this.#options.clock.after(STALL_LOOK_MS, this.#lookForStalls)
    }
  }

  readonly #lookForDeadlines = (): void => {
    this.#deadline = undefined
    const { clock } = this.#options
    let holding = false
    let overdue = false
    for (const lane of this.#options.lanes()) {
      for (const held of lane.held()) {
        holding = true
        overdue ||= this.#verdict(lane, held) !== null
      }
    }
    // W4: an immediate set by a timer runs after the poll for messages.
    if (overdue) this.#judging ??= setImmediate(this.#judge)
    if (holding && !this.#ended) {
      this.#deadline ??= clock.after(this.#deadlineLookMs, this.#lookForDeadlines)
    }
  }

  readonly #judge = (): void => {
    this.#judging = undefined
    const { clock, lanes, onDeadline, onBlocked, onStubborn } = this.#options
    for (const lane of lanes()) {
      for (const held of lane.held()) {
        const verdict = this.#verdict(lane, held)
        if (verdict === 'expired') {
          held.expiredAt = clock.monotonic()
          onDeadline(lane, held)
        } else if (verdict === 'stubborn') onStubborn(lane, held)
        else if (verdict === 'blocked') {
          onBlocked(lane, held)
          // What else it held has had its answer with that.
          break
        }
      }
    }
  }

  /** W2 */
  #verdict(lane: Lane, held: Held): 'expired' | 'blocked' | 'stubborn' | null {
    const { clock, killGraceMs } = this.#options
    if (held.expiredAt === null) {
      const begunAt = lane.begunAt(held)
      const expired = begunAt !== null && clock.now() - begunAt > held.kind.task.timeoutMs
      return expired ? 'expired' : null
    }
    const since = clock.monotonic() - held.expiredAt
    if (!held.abortSeen && since > BLOCKED_MS) return 'blocked'
    return since > killGraceMs ? 'stubborn' : null
  }
}
