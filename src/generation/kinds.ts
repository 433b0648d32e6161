/**
 * The task kinds of one generation: what a request's `workflow::task` stands for, and what such a
 * call costs the thread.
 */

import type { PackageDescriptor, TaskDescriptor } from '../domain/descriptor.ts'

/** First guess of a kind nobody has measured, ms. */
const FIRST_GUESS_MS = 0.05

export class Kind {
  readonly index: number
  readonly key: string
  readonly task: TaskDescriptor
  #costMs = FIRST_GUESS_MS

  constructor(index: number, key: string, task: TaskDescriptor) {
    this.index = index
    this.key = key
    this.task = task
  }

  /**
   * What a typical call keeps the thread busy, ms. A running median, not a mean: a rare long call
   * must not make every short one travel alone (lane-watch.ts takes back what waits behind it).
   */
  get costMs(): number {
    return this.#costMs
  }

  observe(busyMs: number): void {
    if (busyMs > this.#costMs) this.#costMs *= busyMs > this.#costMs * 4 ? 1.3 : 1.05
    else this.#costMs *= busyMs < this.#costMs / 4 ? 0.8 : 0.96
    if (this.#costMs < 0.0005) this.#costMs = 0.0005
  }
}

export class Kinds {
  readonly #byKey = new Map<string, Kind>()
  readonly list: readonly Kind[]

  constructor(descriptor: PackageDescriptor) {
    const list: Kind[] = []
    for (const workflow of descriptor.workflows) {
      for (const task of workflow.tasks) {
        const kind = new Kind(list.length, `${workflow.name}::${task.name}`, task)
        list.push(kind)
        this.#byKey.set(kind.key, kind)
      }
    }
    this.list = list
  }

  get(key: string): Kind | undefined {
    return this.#byKey.get(key)
  }
}
