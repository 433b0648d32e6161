/** Durations as percentiles: Node's own HDR histogram, microseconds inside, milliseconds outside. */

import { type RecordableHistogram, createHistogram } from 'node:perf_hooks'

export class DurationHistogram {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: 3_600_000_000 })

  record(ms: number): void {
    this.#histogram.record(Math.max(1, Math.round(ms * 1000)))
  }

  /** Milliseconds; null before the first record. */
  percentile(share: number): number | null {
    return this.#histogram.count === 0 ? null : this.#histogram.percentile(share) / 1000
  }
}
