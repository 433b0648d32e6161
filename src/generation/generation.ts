/**
 * One loaded version: its state, its ledger, its threads, and the requests that wait for it alone.
 *
 * Owns: doing what the state machine (domain/generation-state.ts) asks for at each transition: drain
 * and warm timers, ending threads, telling who waits.
 * Does not own: when it is promoted or superseded (routing/), the control log (store/).
 *
 * E1  The state changes only in take(); every change is reported once, in order.
 * E2  While draining it still serves what is bound to it: the further tasks of its workflow invokes.
 * E3  However it ends, each call that still runs is aborted, has killGraceMs, and is then answered:
 *     GENERATION_TERMINATED, after a quarantine CRASH_LOOP. The package's teardown runs only when
 *     nothing runs any more.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../base/clock.ts'
import { HeadgateError, messageOf } from '../base/errors.ts'
import type { Declared } from '../domain/declared.ts'
import type { PackageDescriptor } from '../domain/descriptor.ts'
import {
  type GenerationEventType,
  type GenerationState,
  LIVE_STATES,
  canTake,
  nextState,
} from '../domain/generation-state.ts'
import type { LoadMessage, WorkerMessage } from '../protocol/lane-messages.ts'
import type { Accepted } from './accepted.ts'
import { describeBlockers } from './blockers.ts'
import type { BringUpTimes } from './bring-up.ts'
import { Changes } from './changes.ts'
import { Claims } from './claims.ts'
import { Countdowns } from './countdowns.ts'
import { quarantined, refused, terminated } from './end-faults.ts'
import { Grace } from './grace.ts'
import { type Kind, Kinds } from './kinds.ts'
import type { Held } from './held.ts'
import type { Lane } from './lane.ts'
import { Ledger } from './ledger.ts'
import { RequestQueue } from './request-queue.ts'
import type { WarmThread } from './spare-threads.ts'
import { Tally } from './tally.ts'
import type { Serving, TaskRequest } from './task-request.ts'
import { GenerationThreads, type ThreadsOptions } from './threads.ts'

export interface Transition {
  readonly at: number
  readonly from: GenerationState | null
  readonly to: GenerationState
  readonly reason: string
  readonly actor: string
}

export interface GenerationUpcalls {
  transition(generation: Generation, transition: Transition): void
  /** A lane can take more. */
  capacity(generation: Generation): void
  /** Unpinned requests that were handed over and not begun, in order. */
  gaveBack(generation: Generation, requests: readonly TaskRequest[]): void
  log(generation: Generation, message: Extract<WorkerMessage, { type: 'log' }>): void
  /** A task calls another; the answer goes back by `lane`. */
  invoke(
    generation: Generation,
    lane: Lane,
    message: Extract<WorkerMessage, { type: 'invoke' }>,
  ): void
  crashed(generation: Generation, why: string): void
  crashLoop(generation: Generation, exits: number): void
  /** A thread could not be brought up; it is tried again after `retryMs`, or at a call after that. */
  notReplaced(generation: Generation, error: HeadgateError, retryMs: number): void
  /** Its threads were given up or are back. */
  threadsChanged(generation: Generation): void
  /** No thread could be brought back: those who wait for it have none to wait for. */
  unavailable(generation: Generation, error: HeadgateError): void
}

export interface GenerationOptions {
  readonly number: number
  readonly digest: string
  readonly load: Omit<LoadMessage, 'slotDir' | 'accepted'>
  readonly declared: Declared | null
  /** What its first thread will most likely define, and may; null: nothing is known. */
  readonly accepted: Accepted | null
  readonly threads: number
  readonly drainTimeoutMs: number
  readonly keepWarmMs: number
  readonly loadTimeoutMs: number
  readonly killGraceMs: number
  readonly link: (slotDir: string) => Promise<void>
  /** Runs its argument with a first thread, once the machine has room for one more that starts. */
  readonly withThread: ThreadsOptions['withThread']
  readonly clock: Clock
  readonly upcalls: GenerationUpcalls
}

export class Generation implements Serving {
  readonly number: number
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly ledger: Ledger
  /** Requests bound to this generation that wait for a lane, oldest first. */
  readonly queue: RequestQueue<TaskRequest> = new RequestQueue()
  readonly tally: Tally = new Tally()
  readonly claims: Claims = new Claims()
  readonly #options: GenerationOptions
  readonly #threads: GenerationThreads
  #state: GenerationState = 'staging'
  #since: number
  #reason = ''
  /** What its first thread defined. */
  #accepted: Accepted | undefined
  #kinds: Kinds | undefined
  readonly #countdowns: Countdowns
  readonly #grace: Grace
  /** Transitions, a ledger at zero, and what else may end a wait of close(). */
  readonly #changes = new Changes()
  #idleSince: number
  #ending: Promise<void> | undefined
  /** From then on it stays until close(), however long it has been warm. */
  #drained: Promise<void> | undefined
  /** Closed at once: no grace for what runs. */
  #forced = false

  constructor(options: GenerationOptions) {
    this.#options = options
    this.number = options.number
    this.tenant = options.load.tenant
    this.package = options.load.package
    this.version = options.load.version
    this.digest = options.digest
    this.#since = options.clock.now()
    this.ledger = new Ledger(options.number, () => this.#zero())
    this.#idleSince = options.clock.monotonic()
    this.#grace = new Grace(options.clock, options.killGraceMs)
    this.#countdowns = new Countdowns({
      ...options,
      claims: this.claims,
      ledger: this.ledger,
      tally: this.tally,
      onDrainDeadline: () =>
        this.take('deadline', `did not drain within ${options.drainTimeoutMs} ms`),
      onWarmEnough: () => this.take('expire', 'nobody called it for as long as it is kept warm'),
    })
    const { upcalls } = options
    this.#threads = new GenerationThreads({
      ...options,
      accepted: () => this.#accepted ?? options.accepted,
      onImported: (accepted) => this.#imported(accepted),
      upcalls: {
        released: (held, how) => this.#released(held, how),
        // What came after its deadline came too late for its caller.
        ran: (held, ok, ranMs) => this.tally.count(ok && held.expiredAt === null, ranMs),
        room: () => upcalls.capacity(this),
        gaveBack: (requests) => this.#gaveBack(requests),
        log: (message) => upcalls.log(this, message),
        invoke: (lane, message) => upcalls.invoke(this, lane, message),
        crashed: (why) => upcalls.crashed(this, why),
        crashLoop: (exits) => upcalls.crashLoop(this, exits),
        notReplaced: (error, retryMs) => upcalls.notReplaced(this, error, retryMs),
        threadsChanged: () => upcalls.threadsChanged(this),
        unavailable: (error) => {
          this.#failQueued(error)
          upcalls.unavailable(this, error)
        },
      },
    })
  }

  get state(): GenerationState {
    return this.#state
  }

  get since(): number {
    return this.#since
  }

  get reason(): string {
    return this.#reason
  }

  get exits(): number {
    return this.#threads.exits
  }

  get threads(): number {
    return this.#threads.threads
  }

  get drainDeadlineAt(): number | null {
    return this.#countdowns.drainDeadlineAt
  }

  /** Requests may be bound to it. */
  get live(): boolean {
    return LIVE_STATES.has(this.#state)
  }

  /** Known from the import on. */
  get descriptor(): PackageDescriptor | undefined {
    return this.#accepted?.descriptor
  }

  /** Known from the import on. */
  get accepted(): Accepted | undefined {
    return this.#accepted
  }

  kind(key: string): Kind | undefined {
    return this.#kinds?.get(key)
  }

  can(event: GenerationEventType): boolean {
    return canTake(this.#state, event)
  }

  /** E1. Throws ILLEGAL_TRANSITION. */
  take(event: GenerationEventType, reason: string, actor = 'executor'): void {
    const from = this.#state
    const { state, effects } = nextState(from, { type: event }, this.number)
    this.#state = state
    this.#since = this.#options.clock.now()
    this.#reason = reason
    for (const effect of effects) {
      if (effect === 'endThreads') this.#ending = this.#end(from, state)
      else if (effect !== 'armWarm' || this.#drained === undefined) this.#countdowns[effect]()
    }
    this.#changes.tell()
    this.#options.upcalls.transition(this, { at: this.#since, from, to: state, reason, actor })
    // Whoever was told may have taken it further.
    if (this.#state === 'draining' && this.ledger.zero) this.take('zero', 'nothing was in flight')
    if (state === 'quarantined') this.#failQueued(quarantined(this))
  }

  /** Loads the version into `warm` and further threads; throws the coded refusal. */
  async load(warm: WarmThread, greeted: boolean): Promise<BringUpTimes> {
    this.take('load', 'a thread takes it')
    try {
      const times = await this.#threads.start(warm, greeted)
      this.take('ready', 'setup and probe passed')
      return times
    } catch (error) {
      const isGivenUp = !this.can('refuse')
      if (!isGivenUp) this.take('refuse', messageOf(error))
      await this.#ending
      throw isGivenUp ? new HeadgateError('EXECUTOR_CLOSING') : error
    }
  }

  /** clock.monotonic() since when nothing is bound to it; null: something is, or it has no threads. */
  get idleSince(): number | null {
    const idle = this.#state === 'active' && this.ledger.zero && this.queue.size === 0
    return idle && this.#threads.threads > 0 ? this.#idleSince : null
  }

  /** Gives its threads up if it is idle; the next call brings them back. */
  rest(): void {
    if (this.idleSince !== null) this.#threads.rest()
  }

  /** The lane with room for such a depth that holds least; a cold one brings its threads back. */
  pick(depth = 0): Lane | undefined {
    return this.#threads.pick(depth)
  }

  /** Of all its threads, those that end or begin as well. */
  lanes(): Iterable<Lane> {
    return this.#threads.lanes()
  }

  /** Binds the request and puts it into the lane's next batch; call sendBatch() after the last. */
  handOver(lane: Lane, request: TaskRequest, kind: Kind): void {
    this.ledger.bind('held')
    request.onBound(this)
    lane.add(request, kind)
  }

  sendBatch(lane: Lane): void {
    lane.send()
    this.#threads.handedOver()
  }

  /** Cancels a request of this generation wherever it is: waiting, handed over, or running. */
  cancel(request: TaskRequest, reason: string): void {
    if (!this.queue.remove(request)) this.#threads.cancel(request, reason)
  }

  /** Up to 5 calls that run, oldest first, as text. */
  blockers(): string[] {
    return describeBlockers(this.lanes(), this.#options.clock.now())
  }

  /** The executor closes: resolves when it has drained; it serves the tasks of others until close(). */
  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  /** Ends whatever is left: close of the executor. `force` does not wait for running calls. */
  async close(force: boolean): Promise<void> {
    if (force) {
      this.#forced = true
      this.#grace.end()
      this.#changes.tell()
    }
    const drained = this.drain()
    if (this.#state === 'draining' && force) this.take('deadline', 'the executor closes at once')
    await drained
    if (this.can('expire')) this.take('expire', 'the executor closes')
    if (this.can('retire')) this.take('retire', 'the executor closes')
    await this.#ending
  }

  /** Of one that is retired or rejected: resolves when its calls are answered and its threads gone. */
  async ended(): Promise<void> {
    await this.#ending
  }

  async #drain(): Promise<void> {
    if (this.can('supersede')) this.take('supersede', 'the executor closes')
    this.#countdowns.cancelWarm()
    while (this.#state === 'draining' || this.#state === 'terminating') await this.#changes.next()
    // It may still serve calls pinned to it: until they have ended, or for a drain timeout.
    let isLate = false
    const late = (): void => {
      isLate = true
      this.#changes.tell()
    }
    const { clock, drainTimeoutMs } = this.#options
    const timer = clock.after(drainTimeoutMs, late, { keepAlive: true })
    while (this.#state === 'drained' && !this.ledger.zero && !this.#forced && !isLate) {
      await this.#changes.next()
    }
    timer.cancel()
  }

  /** Each thread must define what the first one defined: requests name tasks by number. */
  #imported(accepted: Accepted): void {
    if (this.#accepted === undefined) {
      this.#accepted = accepted
      this.#kinds = new Kinds(accepted.descriptor)
      this.take('imported', 'its definition was accepted')
    } else if (!isDeepStrictEqual(accepted.descriptor, this.#accepted.descriptor)) {
      const why = 'it does not define the same each time its entry module is loaded'
      throw new HeadgateError('LOAD_FAILED', { package: this.package, version: this.version, why })
    }
  }

  /** E3 */
  async #end(from: GenerationState, state: GenerationState): Promise<void> {
    if (state === 'rejected') {
      await this.#threads.end((held) => refused(held.kind.task.name))
      return
    }
    const fault = (held: Held): HeadgateError =>
      from === 'quarantined' ? quarantined(this) : this.#terminated(held.kind.task.name)
    for (const request of this.queue.drain()) request.onFailure(this.#terminated(request.key))
    if (this.ledger.held > 0) {
      this.#threads.abortAll('the generation ends', fault)
      if (!this.#forced) await this.#grace.wait()
    }
    await this.#threads.end(this.ledger.held > 0 ? fault : undefined)
    if (state === 'terminating') this.take('terminated', 'its threads were ended')
  }

  #terminated(task: string): HeadgateError {
    const { drainTimeoutMs } = this.#options
    return terminated(this, task, { drainTimeoutMs, forced: this.#forced })
  }

  /** What is bound here for good and was given back too late has nobody to wait for. */
  #gaveBack(requests: readonly TaskRequest[]): void {
    const unpinned = this.live ? requests : requests.filter((request) => !request.pinned)
    if (unpinned.length > 0) this.#options.upcalls.gaveBack(this, unpinned)
    if (this.live) return
    for (const request of requests) {
      if (request.pinned) request.onFailure(this.#terminated(request.key))
    }
  }

  #failQueued(error: HeadgateError): void {
    for (const request of this.queue.drain()) request.onFailure(error)
  }

  #released(held: Held, how: 'ran' | 'moved' | 'lost'): void {
    if (how === 'moved') held.request.onMoved()
    else if (how === 'lost') this.tally.lost()
    this.ledger.release('held', how === 'moved' ? 'moved' : how === 'ran' ? 'ended' : 'killed')
    if (this.ledger.held === 0) this.#grace.end()
  }

  #zero(): void {
    this.#idleSince = this.#options.clock.monotonic()
    if (this.#state === 'draining') this.take('zero', 'nothing is in flight')
    this.#changes.tell()
  }
}
