import { join } from 'node:path'
import t from 'tap'
import { runSample } from '../../bench/lib/sample.ts'
import type { SwapResult, SwapSpec } from '../../bench/samples/swap.ts'

const SAMPLE = new URL('../../bench/samples/swap-process.ts', import.meta.url)

for (const [mode, load] of [
  ['fresh', { inFlight: 64 }],
  ['fresh', { perSecond: 2000 }],
  ['revive', { inFlight: 64 }],
  ['revive', { perSecond: 2000 }],
] as const) {
  const how = 'inFlight' in load ? 'a closed loop' : 'an open loop'
  t.test(`swaps lose, double and misroute nothing under ${how} (${mode})`, async (t) => {
    const spec: SwapSpec = {
      mode,
      load,
      swaps: 4,
      rounds: 1,
      warmUpMs: 20,
      workDir: join(t.testdir(), 'swap'),
    }
    const result = await runSample<SwapResult>(SAMPLE, spec)
    t.match(result, {
      swaps: 4,
      failed: 0,
      lost: 0,
      doubled: 0,
      wrong: 0,
      killed: 0,
      problems: [],
    })
    t.ok(result.tasks > 0)
    t.equal(result.receipts.length, 4)
    t.ok(result.after.threads <= result.before.threads, 'every thread of an old version has ended')
    t.ok(result.after.fds <= result.before.fds, 'and every descriptor is closed')
  })
}
