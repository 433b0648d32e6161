/**
 * The context of one task call. What costs something (the abort signal) is made when it is asked for.
 */

import type { TaskContext, TaskLog } from '../sdk/context.ts'

/** What all tasks of a loaded package share. */
export interface PackageFacts {
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly generation: number
  readonly boot: string
  readonly config: unknown
  readonly secrets: Readonly<Record<string, string>>
  readonly resources: unknown
  readonly log: TaskLog
}

export interface CallSurroundings {
  readonly progress: (slot: number, id: number, fraction: number, note: string | null) => void
  readonly invoke: (
    slot: number,
    id: number,
    namespace: string,
    body: unknown,
    version: string | null,
  ) => Promise<unknown>
}

export class CallContext implements TaskContext {
  readonly slot: number
  readonly id: number
  readonly attempt: number
  readonly input: unknown
  readonly deadline: number
  readonly #facts: PackageFacts
  readonly #surroundings: CallSurroundings
  readonly #run: number
  readonly #label: string
  #abort: AbortController | undefined
  #aborted: Error | undefined

  constructor(
    facts: PackageFacts,
    surroundings: CallSurroundings,
    call: {
      readonly slot: number
      readonly id: number
      readonly attempt: number
      readonly run: number
      readonly label: string
      readonly input: unknown
      readonly deadline: number
    },
  ) {
    this.#facts = facts
    this.#surroundings = surroundings
    this.slot = call.slot
    this.id = call.id
    this.attempt = call.attempt
    this.input = call.input
    this.deadline = call.deadline
    this.#run = call.run
    this.#label = call.label
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#aborted !== undefined) this.#abort.abort(this.#aborted)
    }
    return this.#abort.signal
  }

  abort(reason: Error): void {
    this.#aborted = reason
    this.#abort?.abort(reason)
  }

  get log(): TaskLog {
    return this.#facts.log
  }

  get run(): string {
    return `${this.#facts.boot}-${this.#run}`
  }

  get idempotencyKey(): string {
    return `${this.run}::${this.#label}`
  }

  get tenant(): string {
    return this.#facts.tenant
  }

  get package(): string {
    return this.#facts.package
  }

  get version(): string {
    return this.#facts.version
  }

  get generation(): number {
    return this.#facts.generation
  }

  get config(): unknown {
    return this.#facts.config
  }

  get secrets(): Readonly<Record<string, string>> {
    return this.#facts.secrets
  }

  get resources(): unknown {
    return this.#facts.resources
  }

  // Functions of their own, not methods: a task may take them out of its context.

  get progress(): TaskContext['progress'] {
    return (fraction, note) =>
      this.#surroundings.progress(this.slot, this.id, fraction, note ?? null)
  }

  get invoke(): TaskContext['invoke'] {
    return (namespace, input, options) =>
      this.#surroundings.invoke(this.slot, this.id, namespace, input, options?.version ?? null)
  }
}
