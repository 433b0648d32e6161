import t from 'tap'
import { Claims } from '../../src/generation/claims.ts'
import { Countdowns } from '../../src/generation/countdowns.ts'
import { Tally } from '../../src/generation/tally.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

function make(keepWarmMs: number) {
  const clock = new ManualClock()
  const claims = new Claims()
  const tally = new Tally()
  const ledger = { zero: true }
  const ends: string[] = []
  const countdowns = new Countdowns({
    clock,
    claims,
    ledger,
    tally,
    drainTimeoutMs: 1_000,
    keepWarmMs,
    onDrainDeadline: () => void ends.push('deadline'),
    onWarmEnough: () => void ends.push('warm enough'),
  })
  return { clock, claims, tally, ledger, ends, countdowns }
}

t.test('what is kept warm ends when nobody called it for that long', (t) => {
  const { clock, tally, ends, countdowns } = make(100)
  countdowns.armWarm()
  clock.advance(60)
  tally.count(true, 1)
  clock.advance(60)
  t.same(ends, [], 'it was called')
  tally.lost()
  clock.advance(100)
  t.same(ends, [], 'it was called, if in vain')
  clock.advance(100)
  t.same(ends, ['warm enough'])
  clock.advance(1_000)
  t.same(ends, ['warm enough'], 'told once')
  t.end()
})

t.test('what serves or is claimed is kept, and looked at no more than every 50 ms', (t) => {
  const { clock, claims, ledger, ends, countdowns } = make(0)
  const giveBack = claims.take()
  countdowns.armWarm()
  clock.advance(0)
  ledger.zero = false
  giveBack()
  clock.advance(50)
  ledger.zero = true
  clock.advance(49)
  t.same(ends, [])
  clock.advance(1)
  t.same(ends, ['warm enough'])
  t.end()
})

t.test('what was loaded has 50 ms to be called, however short it is kept warm', (t) => {
  const { clock, tally, ends, countdowns } = make(0)
  countdowns.armStandby()
  clock.advance(49)
  t.same(ends, [])
  tally.count(true, 1)
  clock.advance(50)
  t.same(ends, [], 'it was called')
  clock.advance(1)
  t.same(ends, ['warm enough'])
  t.end()
})

t.test('what is called off is not told, and another drain has its whole time', (t) => {
  const { clock, ends, countdowns } = make(100)
  countdowns.armWarm()
  countdowns.cancelWarm()
  countdowns.armDrain()
  clock.advance(999)
  countdowns.cancelDrain()
  t.equal(countdowns.drainDeadlineAt, null)
  countdowns.armDrain()
  clock.advance(999)
  t.same(ends, [])
  clock.advance(1)
  t.same(ends, ['deadline'])
  t.end()
})
