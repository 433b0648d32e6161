/** A receipt seen from outside: the executor knows of a rename to some ms, we know it better. */

import type { SwapReceipt } from '../../src/store/store.ts'

/**
 * The receipt with `detectMs` from the rename at `droppedAt` (performance.now()) to the moment the
 * executor saw the drop. Unchanged when no drop led to the swap.
 */
export function withDetection(receipt: SwapReceipt, droppedAt: number): SwapReceipt {
  if (receipt.dropToSwapMs === null) return receipt
  const detectedAt = receipt.at - receipt.dropToSwapMs - performance.timeOrigin
  return { ...receipt, detectMs: detectedAt - droppedAt }
}
