/**
 * The account of one package's requests: what was asked, what answered, and what the executor says
 * it did. The verdict itself is the domain's HistoryChecker.
 *
 * Owns: ids, feeding the checker from answers and receipts, the count of runs in the threads.
 * Does not own: sending (load.ts), the judgement (src/domain/history.ts).
 *
 * A1  A task may say how often its thread has run it (`Said`). A thread that ran it more often than
 *     it was answered has run a request twice; no promise could show that.
 */

import { routeKey } from '../../src/domain/route.ts'
import { HistoryChecker, type HistoryVerdict } from '../../src/domain/history.ts'
import type { Executor, InvokeAnswer } from '../../src/executor/api.ts'

/** What the code that ran says of itself. */
export interface Said {
  readonly id: number
  readonly version: string
  readonly generation: number
  /** Names the thread within its process. */
  readonly thread: number
  /** Runs of this task in this thread, this one included. */
  readonly run: number
}

interface ThreadRuns {
  answered: number
  highest: number
}

export class Account {
  readonly #checker: HistoryChecker
  readonly #epochs = new Set<number>()
  readonly #threads = new Map<number, ThreadRuns>()
  readonly #executor: Executor
  readonly #route: string
  readonly #off: () => void
  #nextId = 0

  /** Opened before the first request; the package has an active version. */
  constructor(executor: Executor, tenant: string, packageName: string) {
    this.#executor = executor
    this.#route = routeKey(tenant, packageName)
    this.#checker = new HistoryChecker(`${packageName}: `)
    const { epoch } = executor.registry
    this.#epochs.add(epoch)
    this.#checker.routed(epoch, this.#active())
    this.#off = executor.events.on('receipt', (receipt) => {
      if (receipt.tenant !== tenant || receipt.package !== packageName) return
      // A receipt is told again when it is complete.
      if (receipt.epoch < epoch || this.#epochs.has(receipt.epoch)) return
      this.#epochs.add(receipt.epoch)
      this.#checker.routed(receipt.epoch, receipt.to.generation)
    })
  }

  get requests(): number {
    return this.#nextId
  }

  accept(): number {
    const id = this.#nextId++
    this.#checker.accepted(id)
    return id
  }

  answered(id: number, answer: InvokeAnswer, said?: Said): void {
    this.#checker.answered(id, answer.generation, answer.epoch, true)
    if (said === undefined) return
    const { version, generation } = said
    if (said.id !== id || version !== answer.version || generation !== answer.generation) {
      const ran = `${version} as g${generation} on request ${said.id}`
      this.#checker.wrong(
        `request ${id} was answered by ${answer.version} as g${answer.generation}, but ${ran} ran`,
      )
    }
    const runs = this.#threads.get(said.thread) ?? { answered: 0, highest: 0 }
    runs.answered += 1
    runs.highest = Math.max(runs.highest, said.run)
    this.#threads.set(said.thread, runs)
  }

  /** A refusal names no generation: it is held against none. */
  failed(id: number): void {
    this.#checker.answered(id, this.#active() ?? 0, this.#executor.registry.epoch, false)
  }

  /** Takes no more receipts and judges; call it when every request has ended. */
  close(): HistoryVerdict {
    this.#off()
    const verdict = this.#checker.finish()
    let twice = 0
    for (const { answered, highest } of this.#threads.values()) twice += highest - answered
    if (twice === 0) return verdict
    const problem = `${twice} more runs in the threads than answers`
    return {
      ...verdict,
      doubled: verdict.doubled + twice,
      problems: [...verdict.problems, problem],
    }
  }

  #active(): number | null {
    return this.#executor.registry.routes.get(this.#route)?.active ?? null
  }
}
