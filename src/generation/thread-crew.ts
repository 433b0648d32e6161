/**
 * The serving threads of one generation.
 *
 * Owns: bringing them up, replacing one that ended, ending one that must end, and the answers of
 * calls whose thread was lost or whose deadline passed.
 * Does not own: the state of the generation (generation.ts), which request goes where (routing/).
 *
 * C1  A call that was begun on a thread that ended is answered WORKER_LOST and never run again here;
 *     what was not begun goes back to its queue, in order.
 * C2  A condemned thread takes no new work; its replacement serves before it is ended, and its other
 *     calls have the grace to finish.
 * C3  After CRASHES unexpected ends within CRASH_WINDOW_MS onCrashLoop is called, and each further
 *     replacement waits longer.
 * C4  Lanes are watched before the first of them serves: what waits for it is handed over at once.
 * C5  A thread that cannot be replaced is said to be so and tried again, with growing pauses. While
 *     no other one serves, whoever waits or calls in such a pause is told why.
 */

import { doubling } from '../base/doubling.ts'
import { delay } from '../base/clock.ts'
import { HeadgateError, toHeadgateError } from '../base/errors.ts'
import type { PackageDescriptor } from '../domain/descriptor.ts'
import { timeoutsOf } from './accepted.ts'
import { type BringUpTimes, bringUp } from './bring-up.ts'
import type { CrewOptions } from './crew-options.ts'
import type { Held } from './held.ts'
import type { Lane, LaneUpcalls } from './lane.ts'
import { LaneWatch } from './lane-watch.ts'
import { type WarmThread, openWarmThread } from './spare-threads.ts'
import type { TaskRequest } from './task-request.ts'
import type { ThreadHost } from './thread-host.ts'

const CRASHES = 4
export const CRASH_WINDOW_MS = 10_000
const LONGEST_BACKOFF_MS = 30_000

interface Member {
  readonly warm: WarmThread
  serving: boolean
  /** Its setup was asked for: it may have something to tear down. */
  isSetUp: boolean
  /** Why the executor ends it; null: it does not. */
  ending: string | null
}

export class ThreadCrew {
  readonly #options: CrewOptions
  readonly #members = new Set<Member>()
  readonly #closing = new AbortController()
  readonly #crashes: number[] = []
  #host: ThreadHost | undefined
  /** The package's files are in the slot of #host. */
  #linked: Promise<void> | undefined
  #watch: LaneWatch | undefined
  #exits = 0
  /** Why the last thread could not be brought up; undefined: it could, or it is tried right now. */
  #failure: HeadgateError | undefined
  /** Replaces WORKER_LOST while the whole generation is ended; undefined: it is not. */
  #endFault: ((held: Held) => HeadgateError) | undefined

  constructor(options: CrewOptions) {
    this.#options = options
  }

  /** Brings up the first thread, then the others; throws the coded refusal. */
  async start(first: WarmThread, greeted: boolean): Promise<BringUpTimes> {
    const times = await this.#bringUpFirst(first, greeted)
    const others = Array.from({ length: this.#options.threads - 1 }, () =>
      this.#bringUp(openWarmThread(first.host), false),
    )
    await Promise.all(others)
    return times
  }

  /** Brings up the first thread, or throws the coded refusal; the others follow by themselves. */
  async wake(first: WarmThread, greeted: boolean): Promise<void> {
    await this.#bringUpFirst(first, greeted)
    for (let more = this.#options.threads - 1; more > 0; more--) void this.#bringUpAnother(0)
  }

  /** Aborts when the crew ends. */
  get ended(): AbortSignal {
    return this.#closing.signal
  }

  get #isEnding(): boolean {
    return this.#closing.signal.aborted || this.#endFault !== undefined
  }

  *lanes(): Generator<Lane> {
    for (const member of this.#members) yield member.warm.hosted.lane
  }

  get threads(): number {
    return this.#members.size
  }

  get exits(): number {
    return this.#exits
  }

  /**
   * The lane with room for a request of this depth that holds least. With no thread that serves,
   * those who wait are told (C5).
   */
  pick(depth: number): Lane | undefined {
    let best: Lane | undefined
    for (const { warm } of this.#members) {
      const lane = warm.hosted.lane
      if (lane.level <= depth && (best === undefined || lane.heldCount < best.heldCount))
        best = lane
    }
    if (this.#failure !== undefined) this.#tellWaiting(this.#failure)
    return best
  }

  handedOver(): void {
    this.#watch?.arm()
  }

  /** Takes a request back if it is not begun, else asks the thread to end it; its caller is gone. */
  cancel(request: TaskRequest, reason: string): void {
    for (const lane of this.lanes()) {
      for (const held of lane.held()) {
        // An attempt before this one may still run, answered at its deadline.
        if (held.request !== request || held.answered) continue
        if (lane.revokeOne(held)) return
        held.answered = true
        lane.abort(held, reason)
        return
      }
    }
  }

  /**
   * Asks every running call to end, for `reason`; one that then fails, or whose thread is lost, is
   * answered with `fault`. No thread is replaced from now on.
   */
  abortAll(reason: string, fault: (held: Held) => HeadgateError): void {
    this.#endFault = fault
    for (const lane of this.lanes()) {
      for (const held of lane.held()) lane.abort(held, reason, fault(held))
    }
  }

  /** Ends all threads: `fault` answers what still runs; without it nothing may run. Idempotent. */
  async end(fault?: (held: Held) => HeadgateError): Promise<void> {
    this.#closing.abort(new Error('the generation ends'))
    this.#watch?.end()
    this.#endFault = fault
    if (fault === undefined) await Promise.all([...this.#members].map((one) => this.#tearDown(one)))
    for (const member of [...this.#members]) {
      member.ending = 'the generation ends'
      this.#lost(member, member.ending)
    }
    await this.#host?.destroy()
  }

  /** Has the package give back what its setup took, for a grace at most. */
  async #tearDown(member: Member): Promise<void> {
    const { hosted } = member.warm
    // A thread may begin by itself before that is known here.
    if (!member.isSetUp && hosted.lane.started !== 'setup') return
    const { clock, killGraceMs } = this.#options
    member.serving = false
    hosted.lane.stop()
    const done = new Promise<void>((resolve) => this.#tornDown.set(member, resolve))
    hosted.lane.post({ type: 'teardown' })
    const timeout = new AbortController()
    const late = delay(clock, killGraceMs, timeout.signal).catch(() => {})
    await Promise.race([done, hosted.ended, late])
    timeout.abort(new Error('done'))
  }

  readonly #tornDown = new Map<Member, () => void>()

  /** May be called again with another thread when the first was lost before the package began. */
  async #bringUpFirst(first: WarmThread, greeted: boolean): Promise<BringUpTimes> {
    const { host } = first
    try {
      this.ended.throwIfAborted()
      this.#host = host
      this.#linked = undefined
      return await this.#bringUp(first, greeted)
    } catch (error) {
      first.hosted.lane.close()
      await host.destroy()
      throw error
    }
  }

  async #bringUp(warm: WarmThread, greeted: boolean): Promise<BringUpTimes> {
    const { load, declared, clock, loadTimeoutMs, onImported } = this.#options
    const member: Member = { warm, serving: false, isSetUp: false, ending: null }
    this.#members.add(member)
    warm.relay.target = this.#laneUpcalls(member)
    void warm.hosted.ended.then((why) => this.#ended(member, why))
    const times = await bringUp({
      hosted: warm.hosted,
      inbox: warm.inbox,
      load: { ...load, slotDir: warm.host.slotDir },
      declared,
      link: () => (this.#linked ??= this.#options.link(warm.host.slotDir)),
      timeoutMs: loadTimeoutMs,
      clock,
      accepted: this.#options.accepted(),
      onImported: (accepted) => {
        onImported(accepted)
        // C4
        this.#watch ??= this.#watchOver(accepted.descriptor)
        member.isSetUp = true
      },
      greet: !greeted,
    }).catch(async (error: unknown) => {
      await this.#tearDown(member)
      this.#lost(member, 'it could not be brought up')
      throw error
    })
    if (this.#closing.signal.aborted) return times
    if (!this.#members.has(member)) {
      const { package: name, version } = load
      const why = 'its thread ended as soon as it was ready'
      throw new HeadgateError('LOAD_FAILED', { package: name, version, why })
    }
    member.serving = true
    this.#failure = undefined
    warm.hosted.lane.serve()
    this.#options.upcalls.room()
    return times
  }

  #watchOver(descriptor: PackageDescriptor): LaneWatch {
    return new LaneWatch({
      clock: this.#options.clock,
      lanes: () => this.lanes(),
      shortestTimeoutMs: Math.min(...timeoutsOf(descriptor)),
      killGraceMs: this.#options.killGraceMs,
      onStalled: (lane) => this.#giveBack(lane),
      onDeadline: (lane, held) => this.#expire(lane, held),
      onBlocked: (lane) => this.#kill(lane, 'its event loop was blocked past a deadline'),
      onStubborn: (lane) => this.#condemn(lane),
    })
  }

  #laneUpcalls(member: Member): LaneUpcalls {
    const { upcalls } = this.#options
    return {
      released: upcalls.released,
      ran: upcalls.ran,
      room: upcalls.room,
      violation: (why) => this.#ended(member, why),
      message: (message) => {
        if (message.type === 'log') upcalls.log(message)
        else if (message.type === 'invoke') upcalls.invoke(member.warm.hosted.lane, message)
        else if (message.type === 'tornDown') this.#tornDown.get(member)?.()
      },
    }
  }

  #giveBack(lane: Lane): void {
    const moved = lane.revoke()
    if (moved.length > 0) this.#options.upcalls.gaveBack(moved.map((held) => held.request))
  }

  #expire(lane: Lane, held: Held): void {
    lane.abort(held, 'the deadline has passed')
    if (held.answered) return
    held.answered = true
    held.request.onFailure(
      new HeadgateError('TASK_TIMEOUT', {
        task: held.kind.task.name,
        timeoutMs: held.kind.task.timeoutMs,
      }),
    )
  }

  #memberOf(lane: Lane): Member | undefined {
    for (const member of this.#members) if (member.warm.hosted.lane === lane) return member
    return undefined
  }

  #kill(lane: Lane, why: string): void {
    const member = this.#memberOf(lane)
    if (member === undefined) return
    // A condemned one has its replacement already.
    const served = member.serving
    member.ending = why
    this.#lost(member, why)
    if (served && !this.#isEnding) void this.#bringUpAnother(0)
  }

  /** C2 */
  #condemn(lane: Lane): void {
    const member = this.#memberOf(lane)
    if (member === undefined || member.ending !== null) return
    member.ending = 'a call did not end after its deadline'
    member.serving = false
    lane.stop()
    this.#giveBack(lane)
    const { clock, killGraceMs } = this.#options
    const grace = delay(clock, killGraceMs, this.#closing.signal)
    void Promise.allSettled([this.#bringUpAnother(0), grace]).then(() => {
      if (this.#members.has(member)) this.#lost(member, member.ending ?? '')
    })
  }

  /** The thread of `member` is gone, or is to be gone now. */
  #lost(member: Member, why: string): void {
    if (!this.#members.delete(member)) return
    member.serving = false
    const fault =
      this.#endFault ??
      ((held: Held) => new HeadgateError('WORKER_LOST', { task: held.kind.task.name, why }))
    member.warm.hosted.lane.lost(fault, this.#options.upcalls.gaveBack)
    member.warm.hosted.kill()
  }

  /** The thread ended, or did what costs it its life. */
  #ended(member: Member, why: string): void {
    if (!this.#members.has(member)) return
    const started = member.serving
    this.#lost(member, why)
    if (this.#isEnding || !started) return
    this.#exits++
    this.#options.upcalls.crashed(why)
    const now = this.#options.clock.monotonic()
    this.#crashes.push(now)
    while (now - (this.#crashes[0] ?? now) > CRASH_WINDOW_MS) this.#crashes.shift()
    const over = this.#crashes.length - CRASHES
    if (over >= 0) this.#options.upcalls.crashLoop(this.#crashes.length)
    void this.#bringUpAnother(over < 0 ? 0 : backoff(over))
  }

  /** C5. Keeps trying while the generation lives; never rejects. */
  async #bringUpAnother(waitMs: number): Promise<void> {
    const { clock, upcalls } = this.#options
    for (let round = 0, wait = waitMs; ; round++) {
      try {
        if (wait > 0) await delay(clock, wait, this.#closing.signal)
        if (this.#isEnding || this.#host === undefined) return
        // Who calls now waits for what comes of this.
        this.#failure = undefined
        await this.#bringUp(openWarmThread(this.#host), false)
        upcalls.threadsChanged()
        return
      } catch (thrown) {
        if (this.#isEnding) return
        const error = toHeadgateError(thrown)
        // A thread whose lane was closed counts as free until it has ended, and was taken: not again.
        const wasTaken = error.code === 'LOAD_INTERRUPTED' && round === 0
        wait = wasTaken ? 0 : backoff(round)
        if (wasTaken) continue
        upcalls.notReplaced(error, wait)
        this.#failure = error
        this.#tellWaiting(error)
      }
    }
  }

  /** C5 */
  #tellWaiting(error: HeadgateError): void {
    for (const member of this.#members) if (member.serving) return
    this.#options.upcalls.unavailable(error)
  }
}

function backoff(round: number): number {
  return doubling(250, LONGEST_BACKOFF_MS, round)
}
