/**
 * The exact account of what one generation is bound to.
 *
 * Owns: the counts of direct task calls, of workflow invokes between first and last task, and of
 * requests that a thread holds right now (the parts of both).
 * Does not own: why a generation stops being routable (routing/), how threads end (generation.ts).
 *
 * L1  The look-up that led to a binding and the binding happen in one synchronous step.
 * L2  Every binding is released exactly once; one release too many throws LEDGER_RELEASED_TWICE.
 * L3  onZero is called in the release that reaches zero, never from a timer.
 * L4  A caller is answered before its binding is released, so that at zero the answers are all in.
 */

import { HeadgateError } from '../base/errors.ts'

export type BindingKind = 'call' | 'workflow' | 'held'
/** `ended`: it had its answer; `killed`: the executor ended it; `moved`: never begun, bound anew. */
export type ReleaseKind = 'ended' | 'killed' | 'moved'

export interface LedgerCounts {
  readonly calls: number
  readonly workflows: number
  /** Requests a worker thread holds, those of workflows included. */
  readonly held: number
}

/** Of calls and workflow invokes: releases by kind, and answers to callers. */
export interface LedgerTotals {
  readonly ended: number
  readonly killed: number
  readonly moved: number
  readonly answered: number
}

export class Ledger {
  readonly #generation: number
  readonly #onZero: () => void
  #calls = 0
  #workflows = 0
  #held = 0
  #ended = 0
  #killed = 0
  #moved = 0
  #answered = 0
  #atZero: (() => void) | undefined

  constructor(generation: number, onZero: () => void) {
    this.#generation = generation
    this.#onZero = onZero
  }

  bind(kind: BindingKind): void {
    if (kind === 'held') this.#held++
    else if (kind === 'call') this.#calls++
    else this.#workflows++
  }

  release(kind: BindingKind, how: ReleaseKind): void {
    const left =
      kind === 'held' ? --this.#held : kind === 'call' ? --this.#calls : --this.#workflows
    if (left < 0) {
      throw new HeadgateError('LEDGER_RELEASED_TWICE', { generation: this.#generation })
    }
    if (kind !== 'held') {
      if (how === 'ended') this.#ended++
      else if (how === 'killed') this.#killed++
      else this.#moved++
    }
    if (!this.zero) return
    this.#onZero()
    const told = this.#atZero
    this.#atZero = undefined
    told?.()
  }

  /** Calls `fn` once: now when nothing is bound, else at the next zero. */
  onceZero(fn: () => void): void {
    const before = this.#atZero
    if (this.zero) fn()
    else {
      this.#atZero = () => {
        before?.()
        fn()
      }
    }
  }

  /** A caller was given its answer; counted where it is given, beside the release. */
  answered(): void {
    this.#answered++
  }

  get zero(): boolean {
    return this.#calls === 0 && this.#workflows === 0 && this.#held === 0
  }

  get counts(): LedgerCounts {
    return { calls: this.#calls, workflows: this.#workflows, held: this.#held }
  }

  /** Requests the threads hold now. */
  get held(): number {
    return this.#held
  }

  /** Calls and workflow invokes now bound. */
  get inFlight(): number {
    return this.#calls + this.#workflows
  }

  /** Since the beginning; a receipt takes the difference of two readings. */
  get totals(): LedgerTotals {
    return {
      ended: this.#ended,
      killed: this.#killed,
      moved: this.#moved,
      answered: this.#answered,
    }
  }
}
