/** Durations as percentiles: Node's own HDR histogram, microseconds inside, milliseconds outside. */

import { type RecordableHistogram, createHistogram } from 'node:perf_hooks'

/** An hour: what is longer counts as that. */
const HIGHEST_US = 3_600_000_000

export class DurationHistogram {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: HIGHEST_US })

  record(ms: number): void {
    const us = Math.round(ms * 1000)
    // Not a number (a thread's own figures) counts as the least.
    this.#histogram.record(us >= 1 ? Math.min(us, HIGHEST_US) : 1)
  }

  /** Milliseconds; null before the first record. */
  percentile(share: number): number | null {
    return this.#histogram.count === 0 ? null : this.#histogram.percentile(share) / 1000
  }
}
