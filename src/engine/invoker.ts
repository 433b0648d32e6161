/**
 * Direct calls: from a namespace and a body to a request in the right queue.
 *
 * Owns: looking up where a call goes, size and queue limits, pins, cancelling by signal.
 * Does not own: when it is bound (routing/dispatcher.ts), how it ends (task-call.ts,
 * workflow-call.ts).
 */

import type { Clock } from '../base/clock.ts'
import { HeadgateError, messageOf, toHeadgateError } from '../base/errors.ts'
import { type Caller, checkDepth } from '../domain/call-depth.ts'
import type { Holds } from '../domain/holds.ts'
import { parseNamespace } from '../domain/namespace.ts'
import { routeKey } from '../domain/route.ts'
import { unknownTask } from '../domain/unknown-task.ts'
import { unknownPackage } from '../domain/unknown-package.ts'
import type { Generation } from '../generation/generation.ts'
import { checkPayload } from '../hosting/body.ts'
import { type Dispatcher, terminated } from '../routing/dispatcher.ts'
import type { PackageController } from '../routing/package-controller.ts'
import type { Registry } from '../routing/registry.ts'
import { Backoffs } from './backoffs.ts'
import { Cancellable, aborted } from './cancellable.ts'
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
  /** As the namespace names it, or, resolved, as the package does. */
  readonly workflow: string
  readonly task: string | null
  /** `workflow::task`, or the workflow. */
  readonly key: string
}

export class Invoker {
  readonly #options: InvokerOptions
  readonly #targets = new Map<string, Target>()
  readonly #surroundings: Surroundings
  readonly #backoffs: Backoffs
  #seq = 0
  #open = true

  constructor(options: InvokerOptions) {
    this.#options = options
    const { registry, dispatcher, clock, controllers } = options
    this.#backoffs = new Backoffs(clock)
    this.#surroundings = {
      epoch: () => registry.value.epoch,
      nextSeq: () => ++this.#seq,
      backoff: (generation, ms, goOn) => this.#backoffs.wait(generation, ms, goOn),
      enqueueOn: (generation, request) => {
        const controller = controllers.get(routeKey(generation.tenant, generation.package))
        if (controller === undefined) request.onFailure(terminated(generation, request.key))
        else dispatcher.enqueueOn(controller.line, generation, request)
      },
      closing: () => !this.#open,
      ended: terminated,
    }
  }

  /** From now on only the calls of tasks that still run are accepted. */
  close(): void {
    this.#open = false
  }

  /** The generation takes no more work: its calls between two attempts end now. */
  ended(generation: Generation): void {
    this.#backoffs.flush(generation)
  }

  /**
   * Throws what an unpinned call would be refused with now: NAMESPACE_INVALID, UNKNOWN_PACKAGE,
   * NO_ACTIVE_VERSION, UNKNOWN_WORKFLOW, UNKNOWN_TASK.
   */
  check(namespace: string): void {
    const { controller, workflow, task, key } = this.#target(namespace)
    const { active } = controller
    if (active === undefined) throw noActive(controller)
    const isThere =
      task === null
        ? active.descriptor?.workflows.some(({ name }) => name === workflow) === true
        : active.kind(key) !== undefined
    if (!isThere) throw unknownTask(active, key)
  }

  /**
   * `body`: JSON text; empty for none. `settle` is called exactly once. `parent`: the call whose task
   * makes this one; none: it comes from outside.
   */
  call(
    namespace: string,
    body: string,
    selection: InvokeSelection,
    settle: Settle,
    parent?: Caller,
  ): void {
    const { signal } = selection
    const caller =
      signal === undefined
        ? undefined
        : new Cancellable(signal, settle, () => this.#options.registry.value.epoch)
    try {
      const target = this.#target(namespace)
      if (parent !== undefined) checkDepth(parent.depth + 1, namespace)
      else if (!this.#open) throw new HeadgateError('EXECUTOR_CLOSING')
      if (signal?.aborted === true) throw aborted(signal)
      checkPayload(body, this.#options.maxPayloadBytes)
      if (target.task === null) checkJson(body)
      if (selection.version === undefined && selection.generation === undefined) {
        this.#enqueue(target, body, caller ?? settle, caller, parent)
      } else {
        this.#enqueuePinned(target, body, selection, caller ?? settle, caller, parent)
      }
    } catch (error) {
      this.#refuse(caller ?? settle, error)
    }
  }

  #enqueue(
    target: Target,
    body: string,
    settle: Settle,
    caller: Cancellable | undefined,
    parent: Caller | undefined,
  ): void {
    const { registry, dispatcher } = this.#options
    const { line } = target.controller
    const active = registry.active(line.key)
    if (active === undefined) throw noActive(target.controller)
    // No other one will come.
    if (!this.#open && !active.live) throw terminated(active, target.key)
    this.#checkRoom(target.controller, line.waiting, parent)
    const seq = this.#surroundings.nextSeq()
    const call =
      target.task === null
        ? new WorkflowCall(seq, target.workflow, body, settle, this.#surroundings, parent)
        : new TaskCall(seq, target.key, body, settle, this.#surroundings, parent)
    caller?.onCancel((error) => {
      line.waiting.remove(call)
      call.cancel(error)
    })
    dispatcher.enqueue(line, call)
  }

  #enqueuePinned(
    target: Target,
    body: string,
    { version = '', generation: number }: InvokeSelection,
    settle: Settle,
    caller: Cancellable | undefined,
    parent: Caller | undefined,
  ): void {
    const place = (generation: Generation): void => {
      // Cancelled while its version was loaded.
      if (caller?.settled === true) return
      const call = this.#place(target, body, generation, settle, parent)
      caller?.onCancel((error) => call.cancel(error))
    }
    const { controller } = target
    const generation =
      number === undefined ? controller.pinned(version) : this.#generation(controller, number)
    if (!(generation instanceof Promise)) return place(generation)
    generation.then(place).catch((error: unknown) => {
      if (caller?.settled !== true) this.#refuse(settle, error)
    })
  }

  /** Binds a call to one generation and puts it into its queue. */
  #place(
    target: Target,
    body: string,
    generation: Generation,
    settle: Settle,
    parent: Caller | undefined,
  ): TaskCall | WorkflowCall {
    if (!generation.live) throw terminated(generation, target.key)
    this.#checkRoom(target.controller, generation.queue, parent)
    const seq = this.#surroundings.nextSeq()
    if (target.task === null) {
      const call = new WorkflowCall(seq, target.workflow, body, settle, this.#surroundings, parent)
      call.startOn(generation)
      return call
    }
    if (generation.kind(target.key) === undefined) throw unknownTask(generation, target.key)
    const call = new TaskCall(seq, target.key, body, settle, this.#surroundings, parent, generation)
    this.#options.dispatcher.enqueueOn(target.controller.line, generation, call)
    return call
  }

  #generation(controller: PackageController, number: number): Generation {
    const found = controller.generations().find((one) => one.number === number && one.live)
    if (found !== undefined) return found
    throw new HeadgateError('NO_MATCHING_VERSION', {
      package: controller.package,
      wanted: `generation ${number}`,
      present: controller
        .generations()
        .map((one) => `g${one.number} (${one.version} ${one.state})`),
    })
  }

  #refuse(settle: Settle, error: unknown): void {
    settle.failed(toHeadgateError(error), undefined, this.#options.registry.value.epoch)
  }

  /** The calls of tasks are counted apart: what waits outside must not refuse what is under way. */
  #checkRoom(
    controller: PackageController,
    queue: { readonly size: number; readonly nestedSize: number },
    parent: Caller | undefined,
  ): void {
    const { tenant, package: name } = controller
    const limit = this.#options.maxWaiting
    const waiting = parent === undefined ? queue.size - queue.nestedSize : queue.nestedSize
    if (waiting >= limit) throw HeadgateError.light('QUEUE_FULL', { tenant, package: name, limit })
  }

  /** What the namespace stands for now: an alias gives way to a workflow of that very name. */
  #target(text: string): Target {
    const target = this.#targets.get(text) ?? this.#parse(text)
    const { controller, task } = target
    const workflow = controller.aliases.resolve(target.workflow, controller.active?.descriptor)
    return workflow === target.workflow
      ? target
      : { ...target, workflow, key: keyOf(workflow, task) }
  }

  #parse(text: string): Target {
    const namespace = parseNamespace(text)
    const { tenant, package: name, workflow, task } = namespace
    const { controllers } = this.#options
    const controller = controllers.get(routeKey(tenant, name))
    if (controller === undefined) throw unknownPackage(namespace, controllers.values())
    const target: Target = { controller, workflow, task, key: keyOf(workflow, task) }
    if (this.#targets.size >= TARGETS) {
      const oldest = this.#targets.keys().next().value
      if (oldest !== undefined) this.#targets.delete(oldest)
    }
    this.#targets.set(text, target)
    return target
  }
}

function keyOf(workflow: string, task: string | null): string {
  return task === null ? workflow : `${workflow}::${task}`
}

/** The input is put into each task's body as it is, so it has to be JSON before the first. */
function checkJson(body: string): void {
  if (body === '') return
  try {
    JSON.parse(body)
  } catch (error) {
    throw new HeadgateError('INPUT_NOT_JSON', { why: messageOf(error) })
  }
}

function noActive(controller: PackageController): HeadgateError {
  const [refusal] = controller.catalog.refusals()
  const why =
    refusal === undefined
      ? controller.catalog.versions().length === 0
        ? 'the folder holds no version of it'
        : heldBack(controller.held)
      : `${refusal.drop.version} was refused with ${refusal.error.code}: ${refusal.error.message}`
  return new HeadgateError('NO_ACTIVE_VERSION', {
    tenant: controller.tenant,
    package: controller.package,
    why,
  })
}

function heldBack(held: Holds): string {
  const [first] = held
  if (first === undefined) return 'none is eligible or loaded yet'
  const [version, reason] = first
  return `${version} is held (${reason}) until it is promoted`
}
