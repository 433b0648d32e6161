/** How long swaps take until the first answer, and where that time goes. */

import type { SwapResult } from '../samples/swap.ts'
import type { SwapReceipt } from '../../src/store/store.ts'
import { median, quantile } from './stats.ts'
import type { Table } from './table.ts'

const PARTS = ['detectMs', 'stageMs', 'loadMs', 'probeMs', 'swapMs', 'drainMs'] as const

/** What the time is counted from. */
export type From = 'dropToFirstTaskMs' | 'promoteToFirstTaskMs'

/** Keys begin with `<name>.`. */
export function partsOf(
  name: string,
  from: From,
  results: readonly SwapResult[],
): Record<string, number> {
  const receipts = results.flatMap((result) => result.receipts)
  const firsts = results.flatMap((result) => result.toFirstTaskMs)
  const figures: Record<string, number> = {
    [`${name}.${from}.p50`]: quantile(firsts, 0.5),
    [`${name}.${from}.p99`]: quantile(firsts, 0.99),
    [`${name}.spareHits`]: receipts.filter(({ spare }) => spare === 'hit').length,
  }
  for (const part of PARTS) figures[`${name}.${part}.p50`] = median(columnOf(receipts, part))
  return figures
}

/** `runs`: names as given to partsOf(). */
export function partsTable(
  title: string,
  runs: Readonly<Record<string, From>>,
  figures: Readonly<Record<string, number>>,
): Table {
  return {
    title,
    columns: ['', 'in all', ...PARTS.map((part) => part.replace(/Ms$/, '')), 'spare hits'],
    rows: Object.entries(runs).map(([name, from]) => [
      name,
      ...[from, ...PARTS].map((key) => figures[`${name}.${key}.p50`] ?? Number.NaN),
      figures[`${name}.spareHits`] ?? Number.NaN,
    ]),
  }
}

export function columnOf(receipts: readonly SwapReceipt[], part: (typeof PARTS)[number]): number[] {
  return receipts.map((receipt) => receipt[part]).filter((value) => value !== null)
}
