/**
 * Hands waiting requests to lanes: resolve, ledger entry and batch in one synchronous step.
 *
 * Owns: one queue for the unpinned requests of each (tenant, package), and the order in which a lane
 * is filled from it and from the generation's own queue.
 * Does not own: what a request is (engine/), which generation is active (package-controller.ts).
 *
 * D1  Requests are bound in the order in which they were accepted (seq), per package; a nested one
 *     has the place of the outermost call it belongs to, and a slot where that one found none.
 * D2  An unpinned request is resolved when it is bound, never when it is accepted: what waits at a
 *     swap goes to the new generation.
 * D3  Pumping is self-clocked: it runs once per turn of the event loop in which something came in, so
 *     batches grow with the load; with nothing under way it runs at the end of the running callback,
 *     so that a lone request does not wait.
 * D4  Where nothing is to be pumped yet, a lane that answered is filled at the end of that callback,
 *     with what the answered callers sent next and not more than its share: its thread works while
 *     this one reads the answers of the others. Once a turn for each lane, then at the end of the turn:
 *     Node reads a port until it is empty, and with a lane that is always filled before that the
 *     answers of the others would stay unread.
 */

import { HeadgateError } from '../base/errors.ts'
import { unknownTask } from '../domain/unknown-task.ts'
import { routeKey } from '../domain/route.ts'
import type { Generation } from '../generation/generation.ts'
import type { Lane } from '../generation/lane.ts'
import { RequestQueue } from '../generation/request-queue.ts'
import { shareOf } from '../generation/share.ts'
import type { TaskRequest } from '../generation/task-request.ts'
import type { Registry } from './registry.ts'

/** What a batch may cost the thread, ms, beyond its first request. */
const BATCH_BUDGET_MS = 1

/** A workflow invoke that waits for its generation. */
export interface WorkflowStart {
  readonly seq: number
  readonly depth: number
  /** Binds the invoke; its first tasks are then in the generation's queue. */
  startOn(generation: Generation): void
  onFailure(error: HeadgateError): void
}

export type Unpinned = TaskRequest | WorkflowStart

/** The requests of one (tenant, package). */
export class PackageLine {
  readonly tenant: string
  readonly package: string
  readonly key: string
  readonly waiting: RequestQueue<Unpinned> = new RequestQueue()
  /** Generations with requests of their own in the queue, beside the active one. */
  readonly others: Set<Generation> = new Set()
  scheduled = false
  /** Called when nothing waits unpinned any more; may come more than once. */
  onEmpty: (() => void) | undefined

  constructor(tenant: string, packageName: string) {
    this.tenant = tenant
    this.package = packageName
    this.key = routeKey(tenant, packageName)
  }

  /** Resolves when nothing waits unpinned, or after `limitMs`. */
  async emptied(limitMs: number, after: (ms: number, fn: () => void) => void): Promise<void> {
    if (this.waiting.size === 0) return
    await new Promise<void>((resolve) => {
      this.onEmpty = resolve
      after(limitMs, resolve)
    })
  }
}

export class Dispatcher {
  readonly #registry: Registry
  #due: PackageLine[] = []
  #answered: PackageLine[] = []
  /** Lanes that were filled in the callback of their answers in this turn (D4). */
  readonly #filled = new Set<Lane>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Puts a request at the end of the line. */
  enqueue(line: PackageLine, request: Unpinned): void {
    line.waiting.push(request)
    this.schedule(line)
  }

  /** Puts a request of one generation into its own queue; it must be in the ledger already. */
  enqueueOn(line: PackageLine, generation: Generation, request: TaskRequest): void {
    generation.queue.push(request)
    line.others.add(generation)
    this.schedule(line)
  }

  /** Puts back what a thread did not begin: to the head, in its order. */
  giveBack(line: PackageLine, generation: Generation, requests: readonly TaskRequest[]): void {
    for (let i = requests.length - 1; i >= 0; i--) {
      const request = requests[i] as TaskRequest
      if (request.pinned) {
        generation.queue.unshift(request)
        line.others.add(generation)
      } else line.waiting.unshift(request)
    }
    if (this.#registry.active(line.key) === undefined) this.refuseAll(line, unrouted(line))
    this.schedule(line)
  }

  /** `generation` has no thread and gets none for now: whoever waits for it is told why. */
  unavailable(line: PackageLine, generation: Generation, error: HeadgateError): void {
    if (this.#registry.active(line.key) === generation) this.refuseAll(line, error)
  }

  /** Ends everything that waits unpinned. */
  refuseAll(line: PackageLine, error: HeadgateError): void {
    for (const request of line.waiting.drain()) request.onFailure(error)
    line.onEmpty?.()
  }

  /** D3 */
  schedule(line: PackageLine): void {
    if (line.scheduled) return
    line.scheduled = true
    // With nothing under way there is nothing to wait for but the rest of this callback.
    const isIdle = this.#registry.active(line.key)?.ledger.held === 0
    this.#soon(line, isIdle ? queueMicrotask : setImmediate)
  }

  #soon(line: PackageLine, when: (pump: () => void) => unknown): void {
    if (this.#due.push(line) === 1) when(this.#pumpDue)
  }

  /** D4. A lane that serves this line can take more. */
  refill(line: PackageLine): void {
    if (line.scheduled) return
    line.scheduled = true
    // A tick that a microtask asks for comes after all microtasks: the callers had their turn.
    if (this.#answered.push(line) === 1) queueMicrotask(this.#pumpAnsweredSoon)
  }

  readonly #pumpDue = (): void => {
    const lines = this.#due
    this.#due = []
    for (const line of lines) this.#pumpLine(line, false)
  }

  readonly #pumpAnsweredSoon = (): void => process.nextTick(this.#pumpAnswered)

  readonly #pumpAnswered = (): void => {
    const lines = this.#answered
    this.#answered = []
    for (const line of lines) this.#pumpLine(line, true)
  }

  #pumpLine(line: PackageLine, answered: boolean): void {
    line.scheduled = false
    const active = this.#registry.active(line.key)
    if (active?.live === true) this.#pump(active, line, line.waiting, answered)
    for (const generation of line.others) {
      if (generation !== active) this.#pump(generation, line, undefined, answered)
      if (generation.queue.size === 0) line.others.delete(generation)
    }
    if (line.onEmpty !== undefined && line.waiting.size === 0) line.onEmpty()
  }

  #pump(
    generation: Generation,
    line: PackageLine,
    shared: RequestQueue<Unpinned> | undefined,
    answered: boolean,
  ): void {
    const own = generation.queue
    for (;;) {
      const waiting = own.size + (shared?.size ?? 0)
      if (waiting === 0) return
      const deepest = Math.max(own.deepest, shared?.deepest ?? 0)
      const lane = generation.pick(deepest)
      if (lane === undefined) return
      if (answered && !this.#mayFill(lane)) {
        line.scheduled = true
        return this.#soon(line, setImmediate)
      }
      let share = shareOf(generation.lanes(), lane, waiting, deepest)
      let budget = BATCH_BUDGET_MS
      while (share > 0 && budget > 0) {
        const request = next(own, shared, lane.level)
        if (request === undefined) break
        if ('startOn' in request) {
          request.startOn(generation)
          continue
        }
        share--
        const kind = generation.kind(request.key)
        if (kind === undefined) {
          request.onFailure(unknownTask(generation, request.key))
          continue
        }
        generation.handOver(lane, request, kind)
        budget -= kind.costMs
      }
      if (lane.batchSize === 0) {
        if (own.size + (shared?.size ?? 0) === waiting) return
        continue
      }
      generation.sendBatch(lane)
    }
  }

  /** D4: once a turn. */
  #mayFill(lane: Lane): boolean {
    if (this.#filled.has(lane)) return false
    if (this.#filled.size === 0) setImmediate(() => this.#filled.clear())
    this.#filled.add(lane)
    return true
  }
}

/** D1, of those with this depth or a greater one. */
function next(
  own: RequestQueue<TaskRequest>,
  shared: RequestQueue<Unpinned> | undefined,
  least: number,
): Unpinned | undefined {
  const first = own.peek(least)
  const other = shared?.peek(least)
  if (first !== undefined && (other === undefined || first.seq <= other.seq))
    return own.shift(least)
  return shared?.shift(least)
}

function unrouted({ tenant, package: name }: PackageLine): HeadgateError {
  const why = 'the last version left the folder'
  return new HeadgateError('NO_ACTIVE_VERSION', { tenant, package: name, why })
}

/** For a call bound to a generation that takes no more work. `key`: `workflow::task`. */
export function terminated(generation: Generation, key: string): HeadgateError {
  const { number, state } = generation
  const task = key.split('::')[1] ?? key
  const isLate = state === 'terminating'
  const why = isLate ? 'it did not drain in time' : `it takes no calls any more (${state})`
  return new HeadgateError('GENERATION_TERMINATED', { task, generation: `g${number}`, why, state })
}
