import t from 'tap'
import { Latencies } from '../../bench/lib/latencies.ts'
import { median, pairedRatio, quantile, spread } from '../../bench/lib/stats.ts'

t.test('percentiles are exact to three figures', (t) => {
  const latencies = new Latencies()
  for (let ms = 1; ms <= 1000; ms++) latencies.record(ms)
  for (const percent of [50, 90, 99]) {
    const found = latencies.percentile(percent)
    t.ok(Math.abs(found - percent * 10) <= percent * 0.01, `p${percent} is ${found}`)
  }
  t.ok(Math.abs(latencies.max - 1000) <= 1)
  t.equal(latencies.count, 1000)
  t.end()
})

t.test('nothing recorded is not a number, and a latency below a nanosecond counts', (t) => {
  const latencies = new Latencies()
  t.ok(Number.isNaN(latencies.percentile(50)))
  latencies.record(0)
  t.equal(latencies.percentile(50), 1e-6)
  t.end()
})

t.test('the median leaves out what could not be measured', (t) => {
  t.equal(median([3, Number.NaN, 1, 2]), 2)
  t.equal(median([4, 1]), 2.5)
  t.equal(quantile([0, 10], 0.99), 9.9)
  t.ok(Number.isNaN(median([])))
  t.end()
})

t.test('a ratio is taken between neighbours in time, not between medians', (t) => {
  // Twice as fast in each round, on a machine that slows down.
  t.equal(pairedRatio([20, 10, 2], [10, 5, 1]), 2)
  t.equal(spread([9, 10, 11]), 0.2)
  t.end()
})
