import t from 'tap'
import { DurationHistogram } from '../../src/base/histogram.ts'

t.test('durations are read as percentiles in milliseconds', (t) => {
  const histogram = new DurationHistogram()
  t.equal(histogram.percentile(50), null)
  for (let ms = 1; ms <= 100; ms++) histogram.record(ms)
  const [median, most] = [histogram.percentile(50) ?? 0, histogram.percentile(99) ?? 0]
  t.ok(Math.abs(median - 50) < 1, String(median))
  t.ok(Math.abs(most - 99) < 1, String(most))
  t.end()
})

t.test('figures that are none count as the least, and an endless one as an hour', (t) => {
  for (const ms of [Number.NaN, -5, 0, 0.0001]) {
    const histogram = new DurationHistogram()
    histogram.record(ms)
    t.equal(histogram.percentile(50), 0.001, String(ms))
  }
  for (const ms of [Number.POSITIVE_INFINITY, 1e12]) {
    const histogram = new DurationHistogram()
    histogram.record(ms)
    const hours = (histogram.percentile(50) ?? 0) / 3_600_000
    t.ok(hours > 0.99 && hours < 1.01, String(hours))
  }
  t.end()
})
