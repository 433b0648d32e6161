/**
 * The demo's load: a seeded mix of workflow and single-task invokes, every one on the account of
 * its package.
 */

import type { HistoryVerdict } from '../../src/domain/history.ts'
import type { Executor, InvokeAnswer } from '../../src/executor/api.ts'
import { messageOf } from '../../src/base/errors.ts'
import { Account } from '../lib/account.ts'
import { closedLoop, type Load } from '../lib/load.ts'
import { seeded } from '../lib/random.ts'

export interface Call {
  readonly package: string
  readonly namespace: string
  /** JSON text. */
  readonly body: string
  /** Tasks that one such call runs. */
  readonly tasks: number
  /** How often, relative to the others. */
  readonly weight: number
}

const SEED = 7420
const MOST_FAILURES_TOLD = 5

export class Traffic {
  readonly #executor: Executor
  readonly #calls: readonly Call[]
  readonly #accounts: ReadonlyMap<string, Account>
  readonly #random = seeded(SEED)
  readonly #load: Load
  readonly #failures: string[] = []
  readonly #watched: string
  readonly #versions = new Map<string, number>()
  #awaited: { readonly version: string; readonly seen: (at: number) => void } | null = null
  #tasks = 0
  #answers = 0
  #lastAnswerAt: number
  #longestGapMs = 0

  /** Gaps and versions are watched on the package `watched`. */
  constructor(executor: Executor, calls: readonly Call[], watched: string, inFlight: number) {
    this.#executor = executor
    this.#calls = calls
    this.#watched = watched
    const names = new Set(calls.map((call) => call.package))
    this.#accounts = new Map(
      [...names].map((name) => [name, new Account(executor, 'public', name)]),
    )
    this.#lastAnswerAt = performance.now()
    this.#load = closedLoop(inFlight, () => this.#send())
  }

  /** Tasks run by calls that were answered. */
  get tasks(): number {
    return this.#tasks
  }

  get answers(): number {
    return this.#answers
  }

  /** The first few, readable. */
  get failures(): readonly string[] {
    return this.#failures
  }

  /** Answers of the watched package by version. */
  get versions(): ReadonlyMap<string, number> {
    return this.#versions
  }

  /** Begins to look for the longest time without an answer; returns what ends it, ms. */
  watchGaps(): () => number {
    this.#lastAnswerAt = performance.now()
    this.#longestGapMs = 0
    return () => Math.max(this.#longestGapMs, performance.now() - this.#lastAnswerAt)
  }

  /** Resolves with the moment of the watched package's first answer by `version`. */
  firstOf(version: string): Promise<number> {
    return new Promise((seen) => {
      this.#awaited = { version, seen }
    })
  }

  /** Sends nothing more, waits for the answers under way, judges each package. */
  async stop(): Promise<readonly HistoryVerdict[]> {
    await this.#load.stop()
    return [...this.#accounts.values()].map((account) => account.close())
  }

  async #send(): Promise<void> {
    const call = this.#choose()
    const account = this.#accounts.get(call.package)
    if (account === undefined) throw new Error(`no account of ${call.package}`)
    const id = account.accept()
    let answer: InvokeAnswer
    try {
      answer = await this.#executor.invokeJson(call.namespace, call.body)
    } catch (fault) {
      account.failed(id)
      if (this.#failures.length < MOST_FAILURES_TOLD) {
        this.#failures.push(`${call.namespace}: ${messageOf(fault)}`)
      }
      return
    }
    account.answered(id, answer)
    this.#answers += 1
    this.#tasks += call.tasks
    if (call.package !== this.#watched) return
    const now = performance.now()
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAnswerAt)
    this.#lastAnswerAt = now
    if (this.#awaited?.version === answer.version) {
      this.#awaited.seen(now)
      this.#awaited = null
    }
    this.#versions.set(answer.version, (this.#versions.get(answer.version) ?? 0) + 1)
  }

  #choose(): Call {
    const total = this.#calls.reduce((sum, call) => sum + call.weight, 0)
    let left = this.#random() * total
    for (const call of this.#calls) {
      left -= call.weight
      if (left < 0) return call
    }
    throw new RangeError('no calls')
  }
}
