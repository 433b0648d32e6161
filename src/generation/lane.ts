/**
 * The main thread's end of one worker thread's channel.
 *
 * Owns: the slots of the thread, what is handed over, its acknowledgement, taking back what was not
 * begun, and the cold messages of the thread.
 * Does not own: which request comes next (routing/), when a deadline has passed (lane-watch.ts), how
 * the thread is ended (thread-host.ts).
 *
 * N1  At most one batch is unacknowledged; what arrives meanwhile is the next batch.
 * N2  A slot is used again only when its result came or the batch that used it is acknowledged.
 * N3  When the thread ends, every request it held gets exactly one of onMoved (never begun, in the
 *     order handed over) and onFailure (begun).
 * N4  A call that waits for nested ones (ctx.invoke) keeps its slot and does not count against the
 *     concurrency; when one of them ends it goes on at once, if need be beside one too many.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import { HeadgateError, messageOf } from '../base/errors.ts'
import {
  REQUEST_STRIDE,
  RESULT_STRIDE,
  SLOT_BEGUN,
  type SlotTable,
  type Started,
} from '../protocol/lane-layout.ts'
import {
  type MainMessage,
  type WorkerMessage,
  workerMessageSchema,
} from '../protocol/lane-messages.ts'
import { type Held, newHeld } from './held.ts'
import type { Kind } from './kinds.ts'
import { NestedCalls } from './nested-calls.ts'
import { SlotLevels } from './slot-levels.ts'
import type { TaskRequest } from './task-request.ts'
import { progressText, readFault } from './thread-texts.ts'

/** Messages of an ended thread that are still read; what is more is a flood. */
const LAST_MESSAGES = 256

export interface LaneUpcalls {
  /** A held request is held no longer; `how` says whether it ran. */
  released(held: Held, how: 'ran' | 'moved' | 'lost'): void
  /** A result came; `ranMs` from begin to end in the thread. */
  ran(held: Held, ok: boolean, ranMs: number): void
  /** The lane can take more. */
  room(): void
  message(message: WorkerMessage): void
  /** The thread sent what it may not send. */
  violation(why: string): void
}

export interface LaneOptions {
  readonly port: MessagePort
  /** Requests that may run in the thread at once. */
  readonly concurrency: number
  /** For as many slots as SlotLevels says. */
  readonly slots: SlotTable
  /** Wall clock from which the slot table counts, ms. */
  readonly timeBase: number
  readonly clock: Clock
  readonly upcalls: LaneUpcalls
}

export class Lane {
  readonly #port: MessagePort
  readonly #slots: SlotTable
  readonly #timeBase: number
  readonly #clock: Clock
  readonly #upcalls: LaneUpcalls
  readonly #concurrency: number
  readonly #levels: SlotLevels
  readonly #held: (Held | undefined)[]
  readonly #free: number[]
  #nextId = 1
  #batch: unknown[] = []
  /** Slots of the batch under way, in order; empty once it was taken back. */
  #underWay: number[] = []
  #revoked: number[] = []
  /** Held calls that wait for nested ones, and those that do not. */
  #parked = 0
  #running = 0
  #unacknowledged = false
  #batches = 0
  /** It sent nothing it may not send. */
  #trusted = true
  #state: 'opening' | 'serving' | 'closed' = 'opening'

  constructor(options: LaneOptions) {
    this.#port = options.port
    this.#slots = options.slots
    this.#timeBase = options.timeBase
    this.#clock = options.clock
    this.#upcalls = options.upcalls
    this.#concurrency = options.concurrency
    this.#levels = new SlotLevels(options.concurrency)
    const { slots } = this.#levels
    this.#held = new Array(slots)
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i)
    this.#port.on('message', (message: unknown) => this.#receive(message))
    this.#port.on('messageerror', (error) => this.#violation(messageOf(error)))
  }

  /** From now on requests may be handed over. */
  serve(): void {
    if (this.#state === 'opening') this.#state = 'serving'
  }

  /** Requests of depth 0 it can take now; below 1: none. */
  get room(): number {
    if (this.#state !== 'serving' || this.#unacknowledged) return 0
    const runnable = this.#concurrency - this.#running
    // Where nothing waits there are slots enough (V2 of slot-levels.ts).
    return this.#parked === 0
      ? runnable
      : Math.min(runnable, this.#levels.outermost(this.#free.length))
  }

  /** The least depth of a request it can take now; above NESTING_LIMIT: it can take none. */
  get level(): number {
    if (this.room > 0) return 0
    const takes = this.#state === 'serving' && !this.#unacknowledged
    return this.#levels.least(takes && this.#running < this.#concurrency ? this.#free.length : 0)
  }

  get heldCount(): number {
    return this.#held.length - this.#free.length - this.#revoked.length
  }

  /** It can take more, or soon will: what stands still had its batch taken back (lane-watch.ts W1). */
  get moves(): boolean {
    return this.#state === 'serving' && (!this.#unacknowledged || this.#underWay.length > 0)
  }

  /** Number of the batch of which something may be taken back; null: there is none. */
  get batchUnderWay(): number | null {
    return this.#unacknowledged && this.#underWay.length > 0 ? this.#batches : null
  }

  held(): Held[] {
    return this.#held.filter((held) => held !== undefined)
  }

  /** Puts a request into the batch that send() hands over. Call only with room. */
  add(request: TaskRequest, kind: Kind): Held {
    const slot = this.#free.pop()
    if (slot === undefined) throw new HeadgateError('INTERNAL', { why: 'lane without a free slot' })
    const id = this.#nextId
    this.#nextId = (id + 1) | 0
    const held = newHeld(request, kind, slot, id)
    this.#held[slot] = held
    this.#running++
    this.#slots.fill(slot, id, kind.index, request.attempt, request.run)
    this.#underWay.push(slot)
    this.#batch.push(slot, request.body)
    return held
  }

  get batchSize(): number {
    return this.#batch.length / REQUEST_STRIDE
  }

  send(): void {
    if (this.#batch.length === 0) return
    const batch = this.#batch
    this.#batch = []
    this.#unacknowledged = true
    this.#batches++
    this.#port.postMessage(batch)
  }

  post(message: MainMessage): void {
    this.#port.postMessage(message)
  }

  /** Takes back all that the thread has not begun; the caller queues it again, in this order. */
  revoke(): Held[] {
    const taken: Held[] = []
    for (const slot of this.#underWay) {
      const held = this.#held[slot]
      if (held !== undefined && this.#slots.revoke(slot)) {
        this.#drop(held)
        this.#revoked.push(slot)
        taken.push(held)
      }
    }
    this.#underWay = []
    for (const held of taken) this.#upcalls.released(held, 'moved')
    return taken
  }

  /** Takes one request back if it is not begun. */
  revokeOne(held: Held): boolean {
    if (this.#held[held.slot] !== held || !this.#slots.revoke(held.slot)) return false
    this.#drop(held)
    this.#revoked.push(held.slot)
    this.#upcalls.released(held, 'moved')
    return true
  }

  /** Requests the thread has begun since it started; a standing number is a blocked thread. */
  get begunCount(): number {
    return this.#slots.begunCount
  }

  /** How far the package's own code has come in the thread. */
  get started(): Started {
    return this.#slots.started
  }

  /** Wall clock of begin, ms; null: not begun. Once seen it stands, whatever the thread writes. */
  begunAt(held: Held): number | null {
    if (held.begunAt === null && this.#slots.state(held.slot) === SLOT_BEGUN) {
      const now = this.#clock.now()
      // The slot holds 32 bits of ms: after 24 days both sides wrap, their difference does not.
      const age = (Math.floor(now - this.#timeBase) - this.#slots.begunAt(held.slot)) | 0
      held.begunAt = now - Math.max(0, age)
    }
    return held.begunAt
  }

  /**
   * N4: a call begins that is made by one the thread says it holds; unnest() when it has ended.
   * undefined: the thread holds no such call, or that one is to end.
   */
  nest(slot: number, id: number): NestedCalls | undefined {
    const held = this.#held[slot]
    if (held?.id !== id || held.abortedAt !== null) return undefined
    held.nested ??= new NestedCalls(held.request)
    if (held.nested.count++ === 0) {
      this.#parked++
      this.#running--
      this.#upcalls.room()
    }
    return held.nested
  }

  unnest(nested: NestedCalls): void {
    nested.count--
    if (nested.count > 0 || nested.orphaned) return
    this.#parked--
    this.#running++
  }

  /** Asks the thread to end this call. `fault`: for a caller who still waits when it then fails. */
  abort(held: Held, reason: string, fault: HeadgateError | null = null): void {
    if (held.abortedAt !== null) return
    held.abortedAt = this.#clock.monotonic()
    held.fault = fault
    this.#port.postMessage({ type: 'abort', slot: held.slot, id: held.id, reason })
    held.nested?.end(`the task that called was ended: ${reason}`)
  }

  /** Takes no more requests; what is held goes on. */
  stop(): void {
    if (this.#state === 'serving') this.#state = 'opening'
  }

  /** Asks the thread to end: its lane function returns when the port closes. */
  close(): void {
    this.#state = 'closed'
    this.#port.close()
  }

  /**
   * The thread is gone. `giveBack` gets what it had not begun, in order, before the others are
   * answered: a workflow that fails with one of those finds its further tasks in their queue.
   */
  lost(
    fault: (held: Held) => HeadgateError,
    giveBack: (moved: readonly TaskRequest[]) => void,
  ): void {
    this.#hearOut()
    this.#state = 'closed'
    this.#port.close()
    const moved = this.revoke().map((held) => held.request)
    if (moved.length > 0) giveBack(moved)
    for (const held of this.held()) {
      this.#drop(held)
      this.#upcalls.released(held, 'lost')
      if (!held.answered) held.request.onFailure(fault(held))
    }
  }

  /** It is held no longer. */
  #drop({ slot, nested }: Held): void {
    this.#held[slot] = undefined
    if (nested === null || nested.count === 0) {
      this.#running--
      return
    }
    this.#parked--
    nested.orphaned = true
    nested.end('the task that called has ended')
  }

  #violation(why: string): void {
    this.#trusted = false
    this.#upcalls.violation(why)
  }

  /** What the thread sent before it ended: its end may be known before its last messages are read. */
  #hearOut(): void {
    if (!this.#trusted) return
    this.stop()
    for (let left = LAST_MESSAGES; left > 0; left--) {
      const last = receiveMessageOnPort(this.#port)
      if (last === undefined) return
      this.#receive(last.message)
    }
  }

  #receive(message: unknown): void {
    if (this.#state === 'closed') return
    if (Array.isArray(message)) {
      try {
        this.#results(message)
      } catch (error) {
        // Foreign code may write any text: what chokes on it must not end the process.
        this.#violation(`its results cannot be taken: ${messageOf(error)}`)
      }
      return
    }
    const parsed = workerMessageSchema.safeParse(message)
    if (!parsed.success) {
      this.#violation('a message of no known form')
      return
    }
    if (parsed.data.type === 'abortSeen' || parsed.data.type === 'progress') {
      const held = this.#held[parsed.data.slot]
      if (held?.id !== parsed.data.id) return
      if (parsed.data.type === 'abortSeen') held.abortSeen = true
      else held.progress = progressText(parsed.data.fraction, parsed.data.note)
      return
    }
    this.#upcalls.message(parsed.data)
  }

  #results(message: readonly unknown[]): void {
    for (let at = 1; at + RESULT_STRIDE <= message.length; at += RESULT_STRIDE) {
      const slot = message[at]
      const text = message[at + 1]
      const held = typeof slot === 'number' ? this.#held[slot] : undefined
      if (held === undefined || typeof text !== 'string') {
        this.#violation('a result for a request it does not hold')
        return
      }
      const ok = !this.#slots.failed(held.slot)
      held.kind.observe(this.#slots.busyMs(held.slot))
      const ranMs = this.#slots.ranMs(held.slot)
      this.#upcalls.ran(held, ok, ranMs > 0 && ranMs < Infinity ? ranMs : 0)
      this.#drop(held)
      this.#slots.free(held.slot)
      this.#free.push(held.slot)
      this.#upcalls.released(held, 'ran')
      if (held.answered) continue
      if (ok) held.request.onSuccess(text)
      else held.request.onFailure(held.fault ?? readFault(text))
    }
    if (Number(message[0]) > 0) this.#acknowledge()
    this.#upcalls.room()
  }

  #acknowledge(): void {
    this.#unacknowledged = false
    this.#underWay = []
    for (const slot of this.#revoked) {
      this.#slots.free(slot)
      this.#free.push(slot)
    }
    this.#revoked = []
  }
}
