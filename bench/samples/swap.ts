/**
 * One sample of the swap scenario: swaps under one load, in this process.
 *
 * A window INSIDE a swap lasts from the rename until the old generation has drained and the spare
 * is back (it is started a second after the swap), or from promote() until the old one has drained; it
 * is followed by a window OUTSIDE of equal length, a revival of a millisecond or two by several.
 * A request belongs to the window in which it was sent. The first EARLY_MS of a window inside are also
 * counted apart: the swap itself and the first steps of the new version.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeadgateError } from '../../src/base/errors.ts'
import type { InvokeAnswer } from '../../src/executor/api.ts'
import type { SwapReceipt } from '../../src/store/store.ts'
import { Account } from '../lib/account.ts'
import { lookFor, until, untilSpare, within } from '../lib/executor.ts'
import { Latencies } from '../lib/latencies.ts'
import { closedLoop, openLoop } from '../lib/load.ts'
import { MachinePauses } from '../lib/machine-pauses.ts'
import { type ProcessState, processState } from '../lib/process-state.ts'
import { withDetection } from '../lib/receipt.ts'
import { sum } from '../lib/stats.ts'
import { openStage, type Stage } from './swap-stage.ts'
import { packedSample, sample, sayer, type Subject } from './swap-subject.ts'

export interface SwapSpec {
  /**
   * `fresh`: each swap brings a version never seen; `revive`: two warm versions are promoted in
   * turn; `sample`, `packedSample`: fresh versions of the sample package, as source and packed.
   */
  readonly mode: 'fresh' | 'revive' | 'sample' | 'packedSample'
  readonly load: { readonly inFlight: number } | { readonly perSecond: number }
  readonly swaps: number
  readonly rounds: number
  readonly warmUpMs: number
  readonly workDir: string
}

const EARLY_MS = 100
/** Between both windows: what a swap leaves to be written down must not stand in the one outside. */
const REST_MS = 10
/**
 * Windows outside after one of a revival. It lasts a handful of turns of the loop, and a p99 of forty
 * such windows rests on the second slowest turn: of those outside there can be more, inside not.
 */
const OUTSIDE_A_REVIVAL = 5
/** Of the closed loop that goes before an open one. */
const WARM_UP_IN_FLIGHT = 64

/** Latencies in ms, swaps of one round together. */
export interface SwapRound {
  readonly p50Inside: number
  readonly p99Inside: number
  readonly maxInside: number
  readonly p99Early: number
  readonly p50Outside: number
  readonly p99Outside: number
}

export interface SwapResult {
  readonly swaps: number
  readonly tasks: number
  readonly failed: number
  readonly lost: number
  readonly doubled: number
  readonly wrong: number
  readonly killed: number
  readonly problems: readonly string[]
  /** Of the machine, not of what runs on it; ms. */
  readonly pausesMs: readonly number[]
  /** The longest time in which the executor's event loop did not turn, ms. */
  readonly longestStallMs: number
  readonly rounds: readonly SwapRound[]
  /** From the rename, or from promote(), to the first answer of the new version, ms. */
  readonly toFirstTaskMs: readonly number[]
  /** Complete, one a counted swap. */
  readonly receipts: readonly SwapReceipt[]
  /** Answers per second before the first swap. */
  readonly tasksPerSecond: number
  readonly before: ProcessState
  readonly after: ProcessState
}

const SUBJECTS: Readonly<Record<SwapSpec['mode'], Subject>> = {
  fresh: sayer,
  revive: sayer,
  sample,
  packedSample,
}

class Windows {
  readonly inside = new Latencies()
  readonly early = new Latencies()
  readonly outside = new Latencies()
}

export async function sampleSwap(spec: SwapSpec): Promise<SwapResult> {
  const subject = SUBJECTS[spec.mode]
  const stage = await openStage({
    workDir: spec.workDir,
    subject,
    patches: spec.mode === 'revive' ? 1 : spec.swaps + 1,
    keepWarmMs: spec.mode === 'revive' ? 600_000 : 0,
  })
  const pauses = new MachinePauses()
  const stalls = monitorEventLoopDelay()
  stalls.enable()
  try {
    const result = await new SwapRun(spec, stage, subject).run()
    stalls.disable()
    return { ...result, pausesMs: await pauses.end(), longestStallMs: stalls.max / 1e6 }
  } finally {
    await pauses.end()
    await stage.executor.close()
  }
}

class SwapRun {
  readonly #spec: SwapSpec
  readonly #stage: Stage
  readonly #subject: Subject
  readonly #account: Account
  readonly #toFirst: number[] = []
  readonly #receipts: SwapReceipt[] = []
  readonly #rounds: SwapRound[] = []
  /** What requests sent now are recorded into. */
  #window: Latencies | null = null
  #early: { readonly window: Latencies; readonly until: number } | null = null
  #awaited: { readonly version: string; readonly seen: (at: number) => void } | null = null
  /** Code → requests that ended with it. */
  readonly #failures = new Map<string, number>()
  #answers = 0
  #swapsDone = 0

  constructor(spec: SwapSpec, stage: Stage, subject: Subject) {
    this.#spec = spec
    this.#stage = stage
    this.#subject = subject
    this.#account = new Account(stage.executor, 'public', subject.package)
  }

  async run(): Promise<Omit<SwapResult, 'pausesMs' | 'longestStallMs'>> {
    const { load: wanted, swaps, rounds, warmUpMs } = this.#spec
    const send = (_: number, at: number): Promise<void> => this.#request(at)
    // A process that has compiled nothing yet is overrun by a rate that it serves with ease later.
    const warmUp = closedLoop('inFlight' in wanted ? wanted.inFlight : WARM_UP_IN_FLIGHT, send)
    await sleep(warmUpMs)
    if ('perSecond' in wanted) await warmUp.stop()
    const load = 'perSecond' in wanted ? openLoop(wanted.perSecond, send) : warmUp
    const tasksPerSecond = await this.#rate(warmUpMs)
    // Not counted: brings every lazily started thread and descriptor into the baseline.
    await this.#swap(null)
    if (this.#spec.mode === 'revive') await this.#swap(null)
    await this.#settled()
    const before = processState()
    this.#receipts.length = 0
    this.#toFirst.length = 0
    const counted = this.#swapsDone

    for (let round = 0; round < rounds; round++) {
      const windows = new Windows()
      const end = counted + Math.round(((round + 1) * swaps) / rounds)
      while (this.#swapsDone < end) await this.#swap(windows)
      this.#rounds.push({
        p50Inside: windows.inside.percentile(50),
        p99Inside: windows.inside.percentile(99),
        maxInside: windows.inside.max,
        p99Early: windows.early.percentile(99),
        p50Outside: windows.outside.percentile(50),
        p99Outside: windows.outside.percentile(99),
      })
    }
    await load.stop()
    await this.#settled()
    const after = await backTo(before)
    const verdict = this.#account.close()
    const sumOf = (key: 'lost' | 'killed'): number =>
      sum(this.#receipts.map((receipt) => receipt[key] ?? 0))
    const claimed = this.#receipts.filter(({ lost }) => lost !== 0)
    return {
      swaps: this.#swapsDone - counted,
      tasks: verdict.accepted,
      failed: verdict.failed,
      // A receipt that admits a loss which the account does not see is a fault as well.
      lost: Math.max(verdict.lost, sumOf('lost')),
      doubled: verdict.doubled,
      wrong: verdict.wrongGeneration + verdict.unexpected,
      killed: sumOf('killed'),
      problems: [
        ...verdict.problems,
        ...[...this.#failures].map(([code, count]) => `${count} requests failed with ${code}`),
        ...claimed.map(({ epoch, lost }) => `the receipt of epoch ${epoch} says ${lost} lost`),
      ],
      rounds: this.#rounds,
      toFirstTaskMs: this.#toFirst,
      receipts: this.#receipts,
      tasksPerSecond,
      before,
      after,
    }
  }

  async #rate(ms: number): Promise<number> {
    const answers = this.#answers
    const began = performance.now()
    await sleep(ms)
    return ((this.#answers - answers) * 1000) / (performance.now() - began)
  }

  async #request(at: number): Promise<void> {
    const { executor } = this.#stage
    const { namespace, body, said } = this.#subject
    const window = this.#window
    const early = this.#early !== null && at < this.#early.until ? this.#early.window : null
    const id = this.#account.accept()
    let answer: InvokeAnswer
    try {
      answer = await executor.invokeJson(namespace, body(id))
    } catch (error) {
      this.#account.failed(id)
      const code = error instanceof HeadgateError ? error.code : String(error)
      this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1)
      return
    }
    const now = performance.now()
    this.#answers += 1
    window?.record(now - at)
    early?.record(now - at)
    this.#account.answered(id, answer, said(answer.json))
    if (this.#awaited?.version === answer.version) {
      this.#awaited.seen(now)
      this.#awaited = null
    }
  }

  /** null: nothing is measured. */
  async #swap(windows: Windows | null): Promise<void> {
    const { executor, drop } = this.#stage
    const turn = this.#swapsDone
    const revives = this.#spec.mode === 'revive'
    const isDrop = !revives || turn === 0
    const patch = revives ? 1 - (turn % 2) : turn + 1
    const version = this.#subject.version(patch)
    const { epoch } = executor.registry
    const first = new Promise<number>((seen) => {
      this.#awaited = { version, seen }
    })
    const complete = executor.events.once(
      'receipt',
      (receipt) =>
        receipt.package === this.#subject.package &&
        receipt.epoch > epoch &&
        receipt.to.version === version &&
        receipt.drained !== null,
    )

    this.#window = windows?.inside ?? null
    const began = performance.now()
    this.#early = windows === null ? null : { window: windows.early, until: began + EARLY_MS }
    if (isDrop) drop(patch)
    else {
      const wanted = { tenant: 'public', package: this.#subject.package, version }
      await within(`the promotion of ${version}`, executor.promote(wanted))
    }
    const firstAt = await within(`the first answer of ${version}`, first)
    const receipt = await within(`the complete receipt of ${version}`, complete)
    // What is promoted once more takes no spare.
    if (isDrop) await untilSpare(executor)
    const length = performance.now() - began

    if (windows !== null) {
      this.#window = null
      await sleep(REST_MS)
      this.#window = windows.outside
      await (isDrop ? lookFor(executor, length) : sleep(length * OUTSIDE_A_REVIVAL))
    }
    this.#window = null
    this.#toFirst.push(firstAt - began)
    this.#receipts.push(isDrop ? withDetection(receipt, began) : receipt)
    this.#swapsDone += 1
  }

  /** Nothing of an old version is left but what is kept warm on purpose; the spare is back. */
  async #settled(): Promise<void> {
    const { executor } = this.#stage
    const resting = new Set(['active', 'drained', 'retired', 'rejected'])
    await until('old generations to end', () => {
      const generations = executor.package('public', this.#subject.package)?.generations ?? []
      const warm = generations.filter(({ state }) => state === 'drained')
      return (
        generations.every(({ state }) => resting.has(state)) &&
        (this.#spec.mode === 'revive' || warm.length === 0)
      )
    })
    await untilSpare(executor)
  }
}

/** Ended threads leave the process a moment after their exit is known; waits at most 5 s. */
async function backTo(before: ProcessState): Promise<ProcessState> {
  for (let look = 0; look < 100; look++) {
    const now = processState()
    if (!(now.threads > before.threads || now.fds > before.fds)) return now
    await sleep(50)
  }
  return processState()
}
