/** Latencies of one sample, in milliseconds; kept in nanoseconds with three figures. */

import { createHistogram } from 'node:perf_hooks'

const HIGHEST_NS = 3_600_000_000_000

export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: HIGHEST_NS, figures: 3 })

  record(ms: number): void {
    this.#histogram.record(Math.min(Math.max(Math.round(ms * 1e6), 1), HIGHEST_NS))
  }

  get count(): number {
    return this.#histogram.count
  }

  /** The value that `percent` of the records do not exceed; NaN when there is none. */
  percentile(percent: number): number {
    return this.count === 0 ? Number.NaN : this.#histogram.percentile(percent) / 1e6
  }

  get max(): number {
    return this.count === 0 ? Number.NaN : this.#histogram.max / 1e6
  }
}
