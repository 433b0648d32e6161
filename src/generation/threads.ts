/**
 * The threads of one generation, whether there are any or not: an idle version gives its threads up
 * (it is then cold) and the next call brings them back.
 *
 * Owns: the crew of now, when there is none, bringing a new one up.
 * Does not own: what a crew does with its threads (thread-crew.ts), who must rest (routing/).
 *
 * G1  Only a crew that holds nothing rests; what comes while it is brought back waits in its queue.
 * G2  One bring-up at a time. When it fails, those who wait are told why; for the pause after that
 *     whoever calls is told the same, then the next call tries again.
 */

import type { Clock } from '../base/clock.ts'
import { doubling } from '../base/doubling.ts'
import { type HeadgateError, toHeadgateError } from '../base/errors.ts'
import type { BringUpTimes } from './bring-up.ts'
import type { CrewOptions } from './crew-options.ts'
import type { Held } from './held.ts'
import type { Lane } from './lane.ts'
import type { WarmThread } from './spare-threads.ts'
import type { TaskRequest } from './task-request.ts'
import { ThreadCrew } from './thread-crew.ts'

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000

export interface ThreadsOptions extends CrewOptions {
  readonly clock: Clock
  /**
   * Runs `start` with a first thread; resolves or rejects with it. `greeted`: it said hello before.
   * Opens no thread, but rejects, when `unwanted` has aborted before its turn.
   */
  readonly withThread: (
    start: (first: WarmThread, greeted: boolean) => Promise<unknown>,
    unwanted: AbortSignal,
  ) => Promise<unknown>
}

type State = 'new' | 'up' | 'cold' | 'waking' | 'ended'

export class GenerationThreads {
  readonly #options: ThreadsOptions
  #crew: ThreadCrew
  #state: State = 'new'
  /** Crews that rest and may still be ending. */
  readonly #resting = new Set<Promise<void>>()
  #exitsBefore = 0
  #failures = 0
  #failed: { readonly error: HeadgateError; readonly until: number } | undefined

  constructor(options: ThreadsOptions) {
    this.#options = options
    this.#crew = new ThreadCrew(options)
  }

  async start(first: WarmThread, greeted: boolean): Promise<BringUpTimes> {
    const times = await this.#crew.start(first, greeted)
    if (this.#state === 'new') this.#state = 'up'
    return times
  }

  get threads(): number {
    return this.#crew.threads
  }

  get exits(): number {
    return this.#exitsBefore + this.#crew.exits
  }

  lanes(): Generator<Lane> {
    return this.#crew.lanes()
  }

  /** As ThreadCrew.pick(). Asked while it is cold, the threads are brought back. */
  pick(depth: number): Lane | undefined {
    if (this.#state === 'cold') this.#called()
    return this.#crew.pick(depth)
  }

  handedOver(): void {
    this.#crew.handedOver()
  }

  cancel(request: TaskRequest, reason: string): void {
    this.#crew.cancel(request, reason)
  }

  abortAll(reason: string, fault: (held: Held) => HeadgateError): void {
    this.#crew.abortAll(reason, fault)
  }

  /** Gives the threads up; call only when nothing is held (G1). false: there are none to give up. */
  rest(): boolean {
    if (this.#state !== 'up' || this.#crew.threads === 0) return false
    this.#state = 'cold'
    this.#leaveCrew()
    this.#options.upcalls.threadsChanged()
    return true
  }

  /** Ends all threads for good; see ThreadCrew.end(). */
  async end(fault?: (held: Held) => HeadgateError): Promise<void> {
    this.#state = 'ended'
    await Promise.all([this.#crew.end(fault), ...this.#resting])
  }

  #leaveCrew(): void {
    const crew = this.#crew
    this.#exitsBefore += crew.exits
    this.#crew = new ThreadCrew(this.#options)
    const ended: Promise<void> = crew.end().finally(() => this.#resting.delete(ended))
    this.#resting.add(ended)
  }

  #called(): void {
    const failed = this.#failed
    if (failed !== undefined && this.#options.clock.monotonic() < failed.until) {
      this.#options.upcalls.unavailable(failed.error)
      return
    }
    this.#state = 'waking'
    void this.#wake()
  }

  /** Never rejects. */
  async #wake(): Promise<void> {
    const { clock, withThread, upcalls } = this.#options
    const crew = this.#crew
    try {
      await withThread((first, greeted) => crew.wake(first, greeted), crew.ended)
      if (!this.#isWaking()) return
      this.#state = 'up'
      this.#failures = 0
      this.#failed = undefined
      upcalls.threadsChanged()
    } catch (thrown) {
      if (!this.#isWaking()) return
      const error = toHeadgateError(thrown)
      const pause = doubling(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, this.#failures++)
      this.#failed = { error, until: clock.monotonic() + pause }
      this.#state = 'cold'
      this.#leaveCrew()
      upcalls.notReplaced(error, pause)
      upcalls.unavailable(error)
    }
  }

  /** Read anew: it may have been ended meanwhile. */
  #isWaking(): boolean {
    return this.#state === 'waking'
  }
}
