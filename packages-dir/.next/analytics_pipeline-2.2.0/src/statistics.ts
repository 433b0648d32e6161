/** Figures of a list of delays. */

export interface DelayFigures {
  readonly flights: number
  /** Minutes, one decimal; null for no flights, like the percentiles. */
  readonly mean: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly worst: number | null
  /** Share of flights less than 15 minutes late, 0 to 1, three decimals. */
  readonly on_time: number | null
}

/** The Bureau of Transportation Statistics counts a flight as late from here on. */
const LATE_AFTER_MINUTES = 15

export function delayFigures(delays: readonly number[]): DelayFigures {
  const sorted = [...delays].sort((a, b) => a - b)
  const flights = sorted.length
  if (flights === 0) {
    return { flights, mean: null, p50: null, p90: null, worst: null, on_time: null }
  }
  const sum = sorted.reduce((total, delay) => total + delay, 0)
  const onTime = sorted.filter((delay) => delay < LATE_AFTER_MINUTES).length
  return {
    flights,
    mean: round(sum / flights, 1),
    p50: percentile(sorted, 0.5),
    p90: percentile(sorted, 0.9),
    worst: sorted.at(-1) ?? null,
    on_time: round(onTime / flights, 3),
  }
}

/** Nearest rank: a value that occurred. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.ceil(sorted.length * share) - 1] ?? null
}

export function round(value: number, decimals: number): number {
  const factor = 10 ** decimals
  return Math.round(value * factor) / factor
}
