/**
 * Follows a swap until the old generation has drained and the new one has answered, and writes down
 * what was counted. Nothing in a receipt is assumed: what drained, was killed, or was handed over but
 * never begun and so moved to the new version, are the old ledger's own releases since the swap.
 * `lost` compares two counts made in different places: what the ledger let go, and the callers that
 * were answered.
 */

import type { Clock } from '../base/clock.ts'
import type { Generation } from '../generation/generation.ts'
import type { LedgerTotals } from '../generation/ledger.ts'
import type { SwapReceipt } from '../store/store.ts'

export interface SwapFacts {
  readonly epoch: number
  readonly reason: string
  readonly spare: SwapReceipt['spare']
  readonly moved: number
  readonly swapMs: number
  /** Wall clock of the file system, ms: the drop's last change; null: unknown, or not by a drop. */
  readonly landedAt: number | null
  readonly detectedAt: number | null
  readonly stagedAt: number | null
  readonly loadMs: number | null
  readonly probeMs: number | null
}

export class SwapFollower {
  readonly #clock: Clock
  readonly #from: Generation | undefined
  readonly #before: LedgerTotals
  readonly #write: (receipt: SwapReceipt) => void
  #receipt: SwapReceipt

  /** Call in the same synchronous step as the assignment. */
  constructor(
    clock: Clock,
    from: Generation | undefined,
    to: Generation,
    facts: SwapFacts,
    write: (receipt: SwapReceipt) => void,
  ) {
    this.#clock = clock
    this.#from = from
    this.#write = write
    this.#before = from?.ledger.totals ?? { ended: 0, killed: 0, moved: 0, answered: 0 }
    const at = clock.now()
    const { detectedAt, stagedAt } = facts
    this.#receipt = {
      epoch: facts.epoch,
      at,
      tenant: to.tenant,
      package: to.package,
      from: from === undefined ? null : { version: from.version, generation: from.number },
      to: { version: to.version, generation: to.number },
      reason: facts.reason,
      spare: facts.spare,
      inFlightAtSwap: from?.ledger.inFlight ?? 0,
      moved: facts.moved,
      drained: from === undefined ? 0 : null,
      killed: from === undefined ? 0 : null,
      lost: from === undefined ? 0 : null,
      detectMs: detection(facts),
      stageMs: detectedAt === null || stagedAt === null ? null : stagedAt - detectedAt,
      loadMs: facts.loadMs,
      probeMs: facts.probeMs,
      swapMs: facts.swapMs,
      dropToSwapMs: detectedAt === null ? null : at - detectedAt,
      dropToFirstTaskMs: null,
      drainMs: from === undefined ? 0 : null,
    }
    to.tally.onNext(() => {
      this.#update({ dropToFirstTaskMs: clock.now() - (detectedAt ?? at) })
    })
    write(this.#receipt)
  }

  get from(): Generation | undefined {
    return this.#from
  }

  /** The old generation has drained, was terminated, or was promoted again. */
  settled(): void {
    if (this.#from === undefined || this.#receipt.drained !== null) return
    const totals = this.#from.ledger.totals
    const ended = totals.ended - this.#before.ended
    const killed = totals.killed - this.#before.killed
    const moved = totals.moved - this.#before.moved
    const answered = totals.answered - this.#before.answered
    this.#update({
      // Calls that came to it after the swap, by its number, end here too.
      drained: Math.min(ended, this.#receipt.inFlightAtSwap),
      killed,
      moved: this.#receipt.moved + moved,
      lost: ended + killed - answered,
      drainMs: this.#clock.now() - this.#receipt.at,
    })
  }

  #update(change: Partial<SwapReceipt>): void {
    this.#receipt = { ...this.#receipt, ...change }
    this.#write(this.#receipt)
  }
}

/** As exact as the clock of the file system, some ms; another machine's may say anything. */
function detection({ landedAt, detectedAt }: SwapFacts): number | null {
  return landedAt === null || detectedAt === null ? null : Math.max(0, detectedAt - landedAt)
}
