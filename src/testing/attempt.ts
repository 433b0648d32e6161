/**
 * One attempt of one task, in this thread: the same body, context, checks and outcome as in a
 * worker thread of the executor.
 *
 * A1  It ends exactly once; what its code does after a timeout or an abort is ignored, for nothing
 *     here can stop it.
 * A2  It never ends in the call that began it.
 * A3  It holds the clock while its code may go on: from begin to end, but not while it waits for
 *     nothing but calls of its own package.
 * A4  The calls it makes end with it.
 */

import type { Timer } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import type { Body } from '../hosting/body.ts'
import { callFault, outputText, readCall } from '../hosting/call.ts'
import { CallContext, type PackageFacts } from '../hosting/context.ts'
import type { LoadedTask } from '../hosting/definition.ts'
import { fieldsText, taskLog } from '../hosting/package-output.ts'
import { progressReport } from '../hosting/progress-report.ts'
import { runningTask } from '../hosting/running-task.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'
import type { TaskContext } from '../sdk/context.ts'
import type { PacedClock } from './paced-clock.ts'
import type { Observe } from './run-events.ts'

/** Runs a wait for which the clock need not be held. */
export type Unheld = <T>(wait: () => Promise<T>) => Promise<T>

/** A call that a task makes by `ctx.invoke`. */
export interface NestedCall {
  readonly namespace: string
  readonly input: unknown
  readonly version: string | null
  /** Of the call that makes it. */
  readonly depth: number
  /** Aborts when that one is ended or has ended. */
  readonly signal: AbortSignal
  readonly unheld: Unheld
}

export interface AttemptHost {
  readonly clock: PacedClock
  readonly facts: Omit<PackageFacts, 'log'>
  readonly maxResultBytes: number
  readonly observe: Observe
  readonly invoke: (call: NestedCall) => Promise<unknown>
}

export interface AttemptFacts {
  readonly task: LoadedTask
  readonly timeoutMs: number
  /** From 1. */
  readonly attempt: number
  /** Number of the run. */
  readonly run: number
  /** Calls by `ctx.invoke` above it. */
  readonly depth: number
  /** JSON text. */
  readonly body: string
}

/** JSON text of the output, or why there is none. */
export type AttemptOutcome = string | TaskFault | HeadgateError

export class Attempt {
  readonly #host: AttemptHost
  readonly #facts: AttemptFacts
  readonly #onEnd: (outcome: AttemptOutcome) => void
  readonly #deadline: number
  readonly #timer: Timer
  readonly #nested = new AbortController()
  #release: (() => void) | undefined
  #waits = 0
  #context: CallContext | undefined
  #ended = false

  constructor(host: AttemptHost, facts: AttemptFacts, onEnd: (outcome: AttemptOutcome) => void) {
    this.#host = host
    this.#facts = facts
    this.#onEnd = onEnd
    this.#release = host.clock.hold()
    this.#deadline = host.clock.now() + facts.timeoutMs
    this.#timer = host.clock.after(facts.timeoutMs, () => this.#expire(), { keepAlive: true })
    new Promise<unknown>((resolve) => resolve(this.#call())).then(
      (value) => this.#end(outputText(value, host.maxResultBytes)),
      (thrown: unknown) => this.#end(callFault(thrown)),
    )
  }

  /** Its code is told by its signal. */
  abort(error: HeadgateError): void {
    this.#tell(error.message)
    this.#end(error)
  }

  #call(): unknown {
    const { task, body } = this.#facts
    return runningTask.run(task.label, () => {
      const read = readCall(task, body, (call, ...args) => call(...args))
      return read instanceof Promise ? read.then((given) => this.#run(given)) : this.#run(read)
    })
  }

  #run({ deps, input }: Body): unknown {
    // Its schema took longer than it had.
    if (this.#ended) throw new Error('the attempt has ended')
    this.#context = this.#makeContext(input)
    return this.#facts.task.task.run(deps, this.#context)
  }

  #makeContext(input: unknown): CallContext & TaskContext {
    const { clock, facts, observe, invoke } = this.#host
    const { task, attempt, run, depth } = this.#facts
    const label = task.label
    const from = { run: `${facts.boot}-${run}`, task: label }
    const log = taskLog((level, message, fields) =>
      observe({
        type: 'log',
        at: clock.now(),
        ...from,
        level,
        message,
        fields: fields === undefined ? null : fieldsText(fields),
      }),
    )
    return new CallContext(
      { ...facts, log },
      {
        progress: (_slot, _id, fraction, note) =>
          observe({
            type: 'progress',
            at: clock.now(),
            ...from,
            ...progressReport(fraction, note),
          }),
        invoke: (_slot, _id, namespace, value, version) =>
          invoke({
            namespace,
            input: value,
            version,
            depth,
            signal: this.#nested.signal,
            unheld: (wait) => this.#unheld(wait),
          }),
      },
      { slot: 0, id: attempt, attempt, run, label, input, deadline: this.#deadline },
    )
  }

  /** A3 */
  async #unheld<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#waits++ === 0) this.#release?.()
    try {
      return await wait()
    } finally {
      if (--this.#waits === 0 && !this.#ended) this.#release = this.#host.clock.hold()
    }
  }

  #expire(): void {
    const { task, timeoutMs } = this.#facts
    this.#tell('the deadline has passed')
    this.#end(new HeadgateError('TASK_TIMEOUT', { task: task.task.name, timeoutMs }))
  }

  #tell(reason: string): void {
    this.#context?.abort(new Error(reason))
    this.#nested.abort(new Error(`the task that called was ended: ${reason}`))
  }

  #end(outcome: AttemptOutcome): void {
    if (this.#ended) return
    this.#ended = true
    this.#timer.cancel()
    this.#nested.abort(new Error('the task that called has ended'))
    this.#onEnd(outcome)
    this.#release?.()
  }
}
