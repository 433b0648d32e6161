/**
 * Direct calls: from a namespace and a body to a request in the right queue.
 *
 * Owns: looking up where a call goes, size and queue limits, pins, cancelling by signal.
 * Does not own: when it is bound (routing/dispatcher.ts), how it ends (task-call.ts,
 * workflow-call.ts).
 */

import type { Clock } from '../base/clock.ts'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { type Namespace, parseNamespace } from '../domain/namespace.ts'
import { routeKey } from '../domain/route.ts'
import type { Generation } from '../generation/generation.ts'
import { type Dispatcher, unknownTask } from '../routing/dispatcher.ts'
import type { PackageController } from '../routing/package-controller.ts'
import type { Registry } from '../routing/registry.ts'
import type { Settle, Surroundings } from './surroundings.ts'
import { TaskCall } from './task-call.ts'
import { WorkflowCall } from './workflow-call.ts'

/** Namespaces remembered with what they stand for; beyond it the oldest is forgotten. */
const TARGETS = 10_000

export interface InvokeSelection {
  readonly version?: string
  readonly generation?: number
  readonly signal?: AbortSignal
}

export interface InvokerOptions {
  readonly registry: Registry
  readonly dispatcher: Dispatcher
  readonly controllers: ReadonlyMap<string, PackageController>
  readonly clock: Clock
  readonly maxPayloadBytes: number
  readonly maxWaiting: number
}

interface Target {
  readonly controller: PackageController
  readonly workflow: string
  readonly task: string | null
  /** `workflow::task`, or the workflow. */
  readonly key: string
}

export class Invoker {
  readonly #options: InvokerOptions
  readonly #targets = new Map<string, Target>()
  readonly #surroundings: Surroundings
  #seq = 0
  #open = true

  constructor(options: InvokerOptions) {
    this.#options = options
    const { registry, dispatcher, clock, controllers } = options
    this.#surroundings = {
      epoch: () => registry.value.epoch,
      nextSeq: () => ++this.#seq,
      after: (ms, fn) => void clock.after(ms, fn, { keepAlive: true }),
      enqueueOn: (generation, request) => {
        const controller = controllers.get(routeKey(generation.tenant, generation.package))
        if (controller === undefined) request.onFailure(this.#gone(generation, request.key))
        else dispatcher.enqueueOn(controller.line, generation, request)
      },
      ended: (generation, key) => this.#gone(generation, key),
    }
  }

  /** No call is accepted from now on. */
  close(): void {
    this.#open = false
  }

  /** `body`: JSON text; empty for none. `settle` is called exactly once. */
  call(namespace: string, body: string, selection: InvokeSelection, settle: Settle): void {
    try {
      const target = this.#targets.get(namespace) ?? this.#target(namespace)
      if (!this.#open) throw new HeadgateError('EXECUTOR_CLOSING')
      this.#checkSize(body)
      if (selection.version === undefined && selection.generation === undefined) {
        this.#enqueue(target, body, selection.signal, settle)
      } else {
        this.#enqueuePinned(target, body, selection, settle)
      }
    } catch (error) {
      settle.failed(asError(error), undefined, this.#options.registry.value.epoch)
    }
  }

  #enqueue(target: Target, body: string, signal: AbortSignal | undefined, settle: Settle): void {
    const { registry, dispatcher, maxWaiting } = this.#options
    const { line } = target.controller
    const active = registry.active(line.key)
    if (active === undefined) throw noActive(target.controller)
    if (line.waiting.size >= maxWaiting) {
      const { tenant, package: name } = target.controller
      throw new HeadgateError('QUEUE_FULL', { tenant, package: name, limit: maxWaiting })
    }
    const call = this.#make(
      target,
      body,
      withSignal(signal, settle, () => call),
    )
    dispatcher.enqueue(line, call)
  }

  #enqueuePinned(target: Target, body: string, selection: InvokeSelection, settle: Settle): void {
    const { registry, dispatcher } = this.#options
    const place = (generation: Generation): void => {
      if (!generation.live) throw this.#gone(generation, target.key)
      const settled = withSignal(selection.signal, settle, () => call)
      if (target.task === null) {
        const call0 = this.#workflow(target, body, settled)
        call = call0
        call0.startOn(generation)
        return
      }
      if (generation.kind(target.key) === undefined) throw unknownTask(generation, target.key)
      const seq = this.#surroundings.nextSeq()
      const task = new TaskCall(seq, target.key, body, settled, this.#surroundings, generation)
      call = task
      dispatcher.enqueueOn(target.controller.line, generation, task)
    }
    let call: TaskCall | WorkflowCall
    if (selection.generation !== undefined) {
      const generation = registry.generation(selection.generation)
      if (generation === undefined || generation.package !== target.controller.package) {
        throw new HeadgateError('NO_MATCHING_VERSION', {
          package: target.controller.package,
          wanted: `generation ${selection.generation}`,
          present: target.controller
            .generations()
            .map((one) => `g${one.number} (${one.version})`)
            .join(', '),
        })
      }
      place(generation)
      return
    }
    target.controller
      .pinned(selection.version ?? '')
      .then(place)
      .catch((error: unknown) => settle.failed(asError(error), undefined, registry.value.epoch))
  }

  #make(target: Target, body: string, settle: Settle): TaskCall | WorkflowCall {
    if (target.task === null) return this.#workflow(target, body, settle)
    const seq = this.#surroundings.nextSeq()
    return new TaskCall(seq, target.key, body, settle, this.#surroundings)
  }

  /** The input is put into each task's body as it is, so it has to be JSON before the first. */
  #workflow(target: Target, body: string, settle: Settle): WorkflowCall {
    if (body !== '') {
      try {
        JSON.parse(body)
      } catch (error) {
        throw new HeadgateError('INPUT_NOT_JSON', { why: messageOf(error) })
      }
    }
    const seq = this.#surroundings.nextSeq()
    return new WorkflowCall(seq, target.workflow, body, settle, this.#surroundings)
  }

  #checkSize(body: string): void {
    const limit = this.#options.maxPayloadBytes
    if (body.length * 3 <= limit) return
    const bytes = Buffer.byteLength(body)
    if (bytes > limit) throw new HeadgateError('PAYLOAD_TOO_LARGE', { bytes, limit })
  }

  #target(text: string): Target {
    const namespace = parseNamespace(text)
    const { tenant, package: name, workflow, task } = namespace
    const controller = this.#options.controllers.get(routeKey(tenant, name))
    if (controller === undefined) throw this.#unknownPackage(namespace)
    const key = task === null ? workflow : `${workflow}::${task}`
    const target: Target = { controller, workflow, task, key }
    if (this.#targets.size >= TARGETS) {
      const oldest = this.#targets.keys().next().value
      if (oldest !== undefined) this.#targets.delete(oldest)
    }
    this.#targets.set(text, target)
    return target
  }

  #unknownPackage({ tenant, package: name }: Namespace): HeadgateError {
    const names = [...this.#options.controllers.values()]
      .filter((one) => one.tenant === tenant)
      .map((one) => one.package)
    return new HeadgateError('UNKNOWN_PACKAGE', {
      tenant,
      package: name,
      nearest: didYouMean(name, names),
    })
  }

  #gone(generation: Generation, key: string): HeadgateError {
    return new HeadgateError('GENERATION_TERMINATED', {
      task: key,
      generation: `g${generation.number}`,
      state: generation.state,
    })
  }
}

function noActive(controller: PackageController): HeadgateError {
  const [refusal] = controller.catalog.refusals()
  const why =
    refusal === undefined
      ? controller.catalog.versions().length === 0
        ? 'the folder holds no version of it'
        : 'none is eligible or loaded yet'
      : `${refusal.drop.version} was refused with ${refusal.error.code}: ${refusal.error.message}`
  return new HeadgateError('NO_ACTIVE_VERSION', {
    tenant: controller.tenant,
    package: controller.package,
    why,
  })
}

/** Cancels `call()` when the signal aborts, and lets go of the signal when the call is settled. */
function withSignal(
  signal: AbortSignal | undefined,
  settle: Settle,
  call: () => TaskCall | WorkflowCall,
): Settle {
  if (signal === undefined) return settle
  signal.throwIfAborted()
  const onAbort = (): void =>
    call().cancel(new HeadgateError('TASK_ABORTED', { why: messageOf(signal.reason) }))
  signal.addEventListener('abort', onAbort, { once: true })
  return {
    ok: (json, serving, epoch) => {
      signal.removeEventListener('abort', onAbort)
      settle.ok(json, serving, epoch)
    },
    failed: (error, serving, epoch) => {
      signal.removeEventListener('abort', onAbort)
      settle.failed(error, serving, epoch)
    },
  }
}

function asError(error: unknown): HeadgateError {
  if (error instanceof HeadgateError) return error
  const name = (error as { name?: unknown } | null)?.name
  return name === 'AbortError'
    ? new HeadgateError('TASK_ABORTED', { why: messageOf(error) })
    : new HeadgateError('INTERNAL', { why: messageOf(error) }, { cause: error })
}
