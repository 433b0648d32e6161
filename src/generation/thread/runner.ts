/**
 * Begins the requests of a batch and gathers what comes of them.
 *
 * Owns: the order of begin, the turn-taking between long and short tasks, abort of a call.
 * Does not own: deadlines and what happens to a thread that does not answer (main thread).
 *
 * B1  A request is begun only by winning its slot (SlotTable.begin) against the main thread, which
 *     may take it back until then.
 * B2  Between two begins the thread goes through its event loop when the turn has lasted TURN_MS or
 *     the kind has been long lately; what is finished is sent before such a call begins.
 */

import type { Body } from '../../hosting/body.ts'
import { callFault, outputText, readCall } from '../../hosting/call.ts'
import { CallContext, type CallSurroundings, type PackageFacts } from '../../hosting/context.ts'
import type { LoadedTask } from '../../hosting/definition.ts'
import { type EnterTask, enterTask } from '../../hosting/running-task.ts'
import { REQUEST_STRIDE, type SlotTable } from '../../protocol/lane-layout.ts'
import type { TaskDefinition } from '../../sdk/definition.ts'
import type { EndedCall, Results } from './results.ts'

const TURN_MS = 0.25
/** A call over this length makes its kind "long" for the next LONG_MEMORY calls of the kind. */
const LONG_MS = 1
const LONG_MEMORY = 256

interface Kind extends LoadedTask {
  readonly timeoutMs: number
  readonly enter: EnterTask
  readonly run: TaskDefinition['run']
  longFor: number
}

interface Checking {
  readonly id: number
  /** Why it is not to be run any more. */
  aborted: Error | null
}

export interface RunnerOptions {
  readonly facts: PackageFacts
  readonly tasks: readonly LoadedTask[]
  readonly timeoutsMs: readonly number[]
  readonly maxResultBytes: number
  readonly surroundings: CallSurroundings
  /** Wall clock that the begin times in the shared words count from. */
  readonly timeBase: number
}

export class Runner {
  readonly #slots: SlotTable
  readonly #results: Results
  readonly #options: RunnerOptions
  readonly #kinds: readonly Kind[]
  readonly #running = new Map<number, CallContext>()
  /** Calls whose body is still being checked, by slot. */
  readonly #checking = new Map<number, Checking>()
  readonly #base: number
  #batches: unknown[][] = []
  #batch = 0
  #at = 0
  #scheduled = false

  constructor(slots: SlotTable, results: Results, options: RunnerOptions) {
    this.#slots = slots
    this.#results = results
    this.#options = options
    this.#base = options.timeBase - performance.timeOrigin
    this.#kinds = options.tasks.map((task, index) => ({
      ...task,
      timeoutMs: options.timeoutsMs[index] ?? 60_000,
      enter: enterTask(task.label),
      run: (deps, context) => task.task.run(deps, context),
      longFor: 0,
    }))
  }

  accept(batch: unknown[]): void {
    this.#batches.push(batch)
    if (!this.#scheduled) this.#turn()
  }

  abort(slot: number, id: number, reason: string): void {
    const call = this.#running.get(slot) ?? this.#checking.get(slot)
    if (call?.id !== id) return
    const error = new Error(reason)
    if (call instanceof CallContext) call.abort(error)
    else call.aborted = error
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    const began = performance.now()
    let begunAny = false
    while (this.#batch < this.#batches.length) {
      const batch = this.#batches[this.#batch] as (number | string)[]
      while (this.#at < batch.length) {
        const slot = batch[this.#at] as number
        const kind = this.#kinds[this.#slots.kind(slot)] as Kind
        const now = performance.now()
        const long = kind.longFor > 0
        if (begunAny && (long || now - began > TURN_MS)) {
          this.#scheduled = true
          setImmediate(this.#turn)
          return
        }
        if (long && this.#results.waiting) this.#results.flush()
        const body = batch[this.#at + 1] as string
        this.#at += REQUEST_STRIDE
        if (!this.#slots.begin(slot, Math.floor(now - this.#base))) continue
        begunAny = true
        this.#begin(kind, slot, body, now)
      }
      this.#at = 0
      this.#batch++
      this.#results.batchBegun()
    }
    this.#batches = []
    this.#batch = 0
    this.#flushWhenIdle()
  }

  /** Nothing runs and nothing waits to begin: no later result could travel with what is there. */
  #flushWhenIdle(): void {
    if (this.#batches.length === 0 && this.#running.size === 0) this.#results.flush()
  }

  #begin(kind: Kind, slot: number, text: string, begun: number): void {
    let outcome: unknown
    let failed = false
    try {
      const body = readCall(kind, text, kind.enter)
      outcome =
        body instanceof Promise
          ? this.#runChecked(kind, slot, body, begun)
          : this.#run(kind, slot, body, begun)
    } catch (thrown) {
      failed = true
      outcome = thrown
    }
    const busyMs = performance.now() - begun
    if (busyMs > LONG_MS) kind.longFor = LONG_MEMORY
    else if (kind.longFor > 0) kind.longFor--
    const call: EndedCall = { slot, begun, busyMs }
    if (failed) this.#fail(call, outcome)
    else if (isThenable(outcome)) {
      // A foreign thenable may throw, or answer twice: a promise takes one answer of it.
      Promise.resolve(outcome).then(
        (value) => {
          this.#finish(call, value)
          this.#flushWhenIdle()
        },
        (thrown: unknown) => {
          this.#fail(call, thrown)
          this.#flushWhenIdle()
        },
      )
    } else this.#finish(call, outcome)
  }

  /** A call that ended while its body was checked is not run. */
  async #runChecked(
    kind: Kind,
    slot: number,
    body: Promise<Body>,
    begun: number,
  ): Promise<unknown> {
    const call: Checking = { id: this.#slots.id(slot), aborted: null }
    this.#checking.set(slot, call)
    const checked = await body.finally(() => this.#checking.delete(slot))
    if (call.aborted !== null) throw call.aborted
    return this.#run(kind, slot, checked, begun)
  }

  #run(kind: Kind, slot: number, { deps, input }: Body, begun: number): unknown {
    const context = new CallContext(this.#options.facts, this.#options.surroundings, {
      slot,
      id: this.#slots.id(slot),
      attempt: this.#slots.attempt(slot),
      run: this.#slots.run(slot),
      label: kind.label,
      input,
      deadline: performance.timeOrigin + begun + kind.timeoutMs,
    })
    this.#running.set(slot, context)
    return kind.enter(kind.run, deps, context)
  }

  #finish(call: EndedCall, value: unknown): void {
    this.#running.delete(call.slot)
    const output = outputText(value, this.#options.maxResultBytes)
    if (typeof output === 'string') this.#results.ok(call, output)
    else this.#results.failed(call, output)
  }

  #fail(call: EndedCall, thrown: unknown): void {
    this.#running.delete(call.slot)
    this.#results.failed(call, callFault(thrown))
  }
}

/** true as well for what throws when it is asked. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return true
  }
}
