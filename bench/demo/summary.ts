/** What the demo says at its end: one record, printed as JSON or told in sentences. */

import type { HistoryVerdict } from '../../src/domain/history.ts'
import type { SwapReceipt } from '../../src/store/store.ts'
import { sum } from '../lib/stats.ts'
import { formatNumber } from '../lib/table.ts'

export interface DemoSummary {
  readonly swap: {
    readonly package: string
    readonly from: string | null
    readonly to: string
    readonly lost: number
    readonly doubled: number
    readonly wrongGeneration: number
    readonly inFlightAtSwap: number
    readonly moved: number
    readonly drained: number | null
    readonly killed: number | null
    /** From the rename to the first answer of the new version. */
    readonly dropToFirstTaskMs: number
    readonly drainMs: number | null
    readonly longestGapMs: number
    readonly spare: SwapReceipt['spare']
  }
  readonly refused: { readonly code: string }
  readonly tasks: number
}

export interface DemoFacts {
  readonly receipt: SwapReceipt
  readonly verdicts: readonly HistoryVerdict[]
  readonly dropToFirstTaskMs: number
  readonly longestGapMs: number
  readonly refusedCode: string
  readonly tasks: number
}

export function summarise(facts: DemoFacts): DemoSummary {
  const { receipt, verdicts } = facts
  return {
    swap: {
      package: receipt.package,
      from: receipt.from?.version ?? null,
      to: receipt.to.version,
      // A receipt that admits a loss which the account does not see is a fault as well.
      lost: Math.max(sum(verdicts.map(({ lost }) => lost)), receipt.lost ?? 0),
      doubled: sum(verdicts.map(({ doubled }) => doubled)),
      wrongGeneration: sum(verdicts.map((v) => v.wrongGeneration + v.unexpected)),
      inFlightAtSwap: receipt.inFlightAtSwap,
      moved: receipt.moved,
      drained: receipt.drained,
      killed: receipt.killed,
      dropToFirstTaskMs: round(facts.dropToFirstTaskMs),
      drainMs: receipt.drainMs === null ? null : round(receipt.drainMs),
      longestGapMs: round(facts.longestGapMs),
      spare: receipt.spare,
    },
    refused: { code: facts.refusedCode },
    tasks: facts.tasks,
  }
}

/** Nothing lost, doubled or wrong, and no request failed. */
export function isClean(summary: DemoSummary, verdicts: readonly HistoryVerdict[]): boolean {
  const { lost, doubled, wrongGeneration } = summary.swap
  return (
    lost === 0 && doubled === 0 && wrongGeneration === 0 && verdicts.every((v) => v.failed === 0)
  )
}

/** The receipt as a person reads it. */
export function tellReceipt(receipt: SwapReceipt, dropToFirstTaskMs: number): string {
  const { from, to } = receipt
  const part = (name: string, ms: number | null): string[] =>
    ms === null ? [] : [`${name} ${ms.toFixed(1)}`]
  const parts = [
    ...part('detect', receipt.detectMs),
    ...part('stage', receipt.stageMs),
    ...part('load', receipt.loadMs),
    ...part('probe', receipt.probeMs),
    ...part('swap', receipt.swapMs),
  ]
  const spare = {
    hit: 'a spare thread was ready',
    miss: 'started cold, no spare thread fitted',
    revive: 'it was still warm',
  }[receipt.spare]
  const old = from === null ? 'nothing before it' : `${from.version} (g${from.generation})`
  const drain = receipt.drainMs === null ? 'still draining' : `in ${receipt.drainMs.toFixed(1)} ms`
  return [
    `Swap receipt, epoch ${receipt.epoch}`,
    `  ${receipt.tenant}::${receipt.package}  ${old} -> ${to.version} (g${to.generation})`,
    `  reason            ${receipt.reason}; ${spare}`,
    `  drop to 1st task  ${dropToFirstTaskMs.toFixed(1)} ms (${parts.join(', ')})`,
    `  in flight at swap ${receipt.inFlightAtSwap}: drained ${receipt.drained ?? '?'} ${drain}, killed ${receipt.killed ?? '?'}, lost ${receipt.lost ?? '?'}`,
    `  waiting, moved    ${receipt.moved} to ${to.version}`,
  ].join('\n')
}

export function tellVerdict(
  summary: DemoSummary,
  verdicts: readonly HistoryVerdict[],
  versions: ReadonlyMap<string, number>,
): string {
  const accepted = sum(verdicts.map((verdict) => verdict.accepted))
  const failed = sum(verdicts.map((verdict) => verdict.failed))
  const { lost, doubled, wrongGeneration, longestGapMs } = summary.swap
  const byVersion = [...versions].map(([version, count]) => `${version} ${formatNumber(count)}`)
  const lines = [
    'Ledger of every request',
    `  ${formatNumber(accepted)} requests (${formatNumber(summary.tasks)} tasks): failed ${failed}, lost ${lost}, doubled ${doubled}, wrong generation ${wrongGeneration}`,
    `  answered by ${byVersion.join(', ')}; longest time without an answer around the swap ${longestGapMs} ms`,
  ]
  for (const { problems } of verdicts) lines.push(...problems.map((problem) => `  ${problem}`))
  return lines.join('\n')
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
