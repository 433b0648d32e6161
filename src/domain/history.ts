/**
 * The judge of a history: was every accepted request answered exactly once, and by the generation
 * that was active at the epoch in which it was bound?
 *
 * Owns: the verdict. It is fed by tests and by the swap demo, and knows nothing of the executor.
 *
 * H1  accepted = succeeded + failed + lost: of a doubled answer only the first counts.
 * H2  An answer is reported after its request; routes may come before or after the answers they
 *     judge: generations are judged in `finish`, when all routes are known.
 * H3  Memory: one bit a request while its neighbours are open, one count for each pair of epoch and
 *     generation that answered.
 */

import { Bitset } from './bitset.ts'

export interface HistoryVerdict {
  readonly accepted: number
  readonly succeeded: number
  readonly failed: number
  /** Accepted and never answered. */
  readonly lost: number
  /** Answers beyond the first of a request. */
  readonly doubled: number
  /** Answers by a generation other than the active one at the epoch of binding; pins excepted. */
  readonly wrongGeneration: number
  /** Answers to what was never accepted, ids accepted twice. */
  readonly unexpected: number
  /** The first 10, readable; empty: nothing was wrong. */
  readonly problems: readonly string[]
}

const MOST_PROBLEMS = 10

interface Answered {
  count: number
  readonly firstId: number
}

/** Checks the requests of one (tenant, package) as they come. Ids are integers from 0, growing. */
export class HistoryChecker {
  readonly #label: string
  readonly #accepted = new Bitset()
  readonly #answered = new Bitset()
  readonly #pinned = new Bitset()
  /** By epoch, then generation. */
  readonly #bound = new Map<number, Map<number, Answered>>()
  readonly #routes = new Map<number, number | null>()
  readonly #problems: string[] = []
  #counts = { accepted: 0, settled: 0, succeeded: 0, failed: 0, doubled: 0, wrong: 0, odd: 0 }

  /** `label` is put before each problem. */
  constructor(label = '') {
    this.#label = label
  }

  /** `pinned`: the caller named a version or generation; any generation may answer. */
  accepted(id: number, pinned = false): void {
    checkId(id)
    if (!this.#accepted.add(id)) {
      this.#counts.odd += 1
      return this.#problem(`request ${id} was accepted twice`)
    }
    this.#counts.accepted += 1
    if (pinned) this.#pinned.add(id)
  }

  /**
   * `epoch`: of the registry in which the request was bound; `ok`: it succeeded. Generation null: it
   * ended before it was bound (a full queue, a cancel), so there is no generation to judge.
   */
  answered(id: number, generation: number | null, epoch: number, ok: boolean): void {
    checkId(id)
    if (!this.#accepted.has(id)) {
      this.#counts.odd += 1
      return this.#problem(`request ${id} was answered by ${name(generation)} but never accepted`)
    }
    if (this.#answered.add(id)) {
      this.#counts.settled += 1
      this.#counts[ok ? 'succeeded' : 'failed'] += 1
    } else {
      this.#counts.doubled += 1
      this.#problem(`request ${id} was answered again, by ${name(generation)} at epoch ${epoch}`)
    }
    if (generation !== null && !this.#pinned.has(id)) this.#bind(id, generation, epoch)
  }

  /** From `epoch` on `generation` is the active one; null: unrouted. */
  routed(epoch: number, generation: number | null): void {
    if (!this.#routes.has(epoch)) {
      this.#routes.set(epoch, generation)
      return
    }
    const known = name(this.#routes.get(epoch) ?? null)
    this.#counts.odd += 1
    this.#problem(`epoch ${epoch} was routed twice, to ${known} and to ${name(generation)}`)
  }

  /** A fault that the caller found; it joins the problems and counts as a wrong generation. */
  wrong(problem: string): void {
    this.#counts.wrong += 1
    this.#problem(problem)
  }

  /** The verdict over all that was reported; may be asked for again as more comes. */
  finish(): HistoryVerdict {
    const { accepted, settled, succeeded, failed, doubled, wrong, odd } = this.#counts
    const problems = [...this.#problems]
    const lost = accepted - settled
    if (lost > 0) {
      const ids = this.#accepted.firstNotIn(this.#answered, MOST_PROBLEMS)
      for (const id of ids) problems.push(`${this.#label}request ${id} was never answered`)
    }
    const strays = this.#strays()
    for (const { problem } of strays) problems.push(this.#label + problem)
    const wrongGeneration = strays.reduce((sum, { count }) => sum + count, wrong)
    return {
      accepted,
      succeeded,
      failed,
      lost,
      doubled,
      wrongGeneration,
      unexpected: odd,
      problems: problems.slice(0, MOST_PROBLEMS),
    }
  }

  #bind(id: number, generation: number, epoch: number): void {
    let generations = this.#bound.get(epoch)
    if (generations === undefined) {
      generations = new Map()
      this.#bound.set(epoch, generations)
    }
    const answered = generations.get(generation)
    if (answered === undefined) generations.set(generation, { count: 1, firstId: id })
    else answered.count += 1
  }

  /** Both lists by epoch, walked side by side. */
  #strays(): { count: number; problem: string }[] {
    const routes = [...this.#routes].sort(([a], [b]) => a - b)
    const strays: { count: number; problem: string }[] = []
    let next = 0
    let active: number | null = null
    for (const [epoch, generations] of [...this.#bound].sort(([a], [b]) => a - b)) {
      for (let route = routes[next]; route !== undefined && route[0] <= epoch; ) {
        active = route[1]
        route = routes[++next]
      }
      for (const [generation, { count, firstId }] of generations) {
        if (generation === active) continue
        const others = count > 1 ? ` and ${count - 1} more` : ''
        strays.push({
          count,
          problem: `request ${firstId}${others}, bound at epoch ${epoch}, ran on g${generation}; active was ${name(active)}`,
        })
      }
    }
    return strays
  }

  #problem(problem: string): void {
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(this.#label + problem)
  }
}

export interface HistoryAnswer {
  readonly generation: number
  readonly version: string
  /** Of the registry in which the request was bound. */
  readonly epoch: number
  readonly outcome: 'succeeded' | 'failed'
}

export interface HistoryRequest {
  /** Integer from 0, unique in its (tenant, package). */
  readonly id: number
  readonly tenant: string
  readonly package: string
  /** Wall clock, ms. */
  readonly acceptedAt: number
  /** The caller named a version or generation. Default false. */
  readonly pinned?: boolean
  readonly answers: readonly HistoryAnswer[]
}

/** A new active generation; both null: unrouted. */
export interface HistorySwap {
  readonly epoch: number
  readonly tenant: string
  readonly package: string
  readonly generation: number | null
  readonly version: string | null
}

export interface History {
  readonly requests: Iterable<HistoryRequest>
  readonly swaps: readonly HistorySwap[]
  /** The routes before the first swap, with the epoch at which the history begins. */
  readonly before: readonly HistorySwap[]
}

/** The verdict over a whole history; also holds each answer's version to its generation's. */
export function checkHistory(history: History): HistoryVerdict {
  const checkers = new Map<string, HistoryChecker>()
  const versions = new Map<number, string>()
  const checkerOf = (of: { readonly tenant: string; readonly package: string }): HistoryChecker => {
    const key = `${of.tenant}::${of.package}`
    const checker = checkers.get(key) ?? new HistoryChecker(`${key}: `)
    checkers.set(key, checker)
    return checker
  }
  for (const swap of [...history.before, ...history.swaps]) {
    checkerOf(swap).routed(swap.epoch, swap.generation)
    if (swap.generation !== null && swap.version !== null) {
      versions.set(swap.generation, swap.version)
    }
  }
  for (const request of history.requests) {
    const checker = checkerOf(request)
    checker.accepted(request.id, request.pinned)
    for (const { generation, version, epoch, outcome } of request.answers) {
      checker.answered(request.id, generation, epoch, outcome === 'succeeded')
      const known = versions.get(generation) ?? version
      if (known === version) continue
      checker.wrong(`request ${request.id} ran on ${version} as g${generation}, which is ${known}`)
    }
  }
  return [...checkers.values()].map((checker) => checker.finish()).reduce(sum, NOTHING)
}

const NOTHING: HistoryVerdict = {
  accepted: 0,
  succeeded: 0,
  failed: 0,
  lost: 0,
  doubled: 0,
  wrongGeneration: 0,
  unexpected: 0,
  problems: [],
}

function sum(a: HistoryVerdict, b: HistoryVerdict): HistoryVerdict {
  return {
    accepted: a.accepted + b.accepted,
    succeeded: a.succeeded + b.succeeded,
    failed: a.failed + b.failed,
    lost: a.lost + b.lost,
    doubled: a.doubled + b.doubled,
    wrongGeneration: a.wrongGeneration + b.wrongGeneration,
    unexpected: a.unexpected + b.unexpected,
    problems: [...a.problems, ...b.problems].slice(0, MOST_PROBLEMS),
  }
}

function name(generation: number | null): string {
  return generation === null ? 'none' : `g${generation}`
}

function checkId(id: number): void {
  if (!Number.isSafeInteger(id) || id < 0) throw new RangeError(`${id} is not the id of a request`)
}
