/** Figures over rounds. */

/** The middle value; the mean of the middle two; NaN of nothing. Values that are NaN are left out. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Linear between the neighbours; NaN of nothing. Values that are NaN are left out. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  if (sorted.length === 0) return Number.NaN
  const at = q * (sorted.length - 1)
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

/** (largest - smallest) / median: how far the rounds lie apart. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values)
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Median of the ratios of round i of `a` to round i of `b`: neighbours in time, so alike in noise. */
export function pairedRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, round) => value / (b[round] ?? Number.NaN)))
}
