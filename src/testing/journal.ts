/** What happened in the runs of a kit, and who waits for an attempt to begin. */

import type { AttemptBegun, AttemptEnded, RunEvent } from './run-events.ts'

export class Journal {
  readonly all: RunEvent[] = []
  readonly #byRun = new Map<string, RunEvent[]>()
  readonly #running = new Set<AttemptBegun>()
  readonly #waiting = new Set<{
    readonly task: string
    readonly attempt: number
    readonly resolve: () => void
  }>()

  add(event: RunEvent): void {
    this.all.push(event)
    if (event.run === null) return
    const own = this.#byRun.get(event.run)
    if (own === undefined) this.#byRun.set(event.run, [event])
    else own.push(event)
    if (event.type === 'begun') this.#begun(event)
    else if (event.type === 'ended') this.#ended(event)
  }

  ofRun(id: string): readonly RunEvent[] {
    return this.#byRun.get(id) ?? []
  }

  begun(task: string, attempt: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const running = [...this.#running].some((one) => isOf(one, task) && one.attempt === attempt)
    if (running) resolve()
    else this.#waiting.add({ task, attempt, resolve })
    return promise
  }

  #begun(event: AttemptBegun): void {
    this.#running.add(event)
    for (const one of this.#waiting) {
      if (!isOf(event, one.task) || event.attempt !== one.attempt) continue
      this.#waiting.delete(one)
      one.resolve()
    }
  }

  #ended({ run, task, attempt }: AttemptEnded): void {
    for (const one of this.#running) {
      if (one.run === run && one.task === task && one.attempt === attempt) this.#running.delete(one)
    }
  }
}

/** `name`: `task` or `workflow::task`. */
function isOf(event: { readonly task: string }, name: string): boolean {
  return event.task === name || event.task.endsWith(`::${name}`)
}
