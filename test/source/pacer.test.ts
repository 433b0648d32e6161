import t from 'tap'
import type { Clock } from '../../src/base/clock.ts'
import { Pacer } from '../../src/source/pacer.ts'
import type { PassRequest } from '../../src/source/pacer.ts'

/** Time moves only by advance(). */
class HandClock implements Clock {
  #now = 0
  #timers: { at: number; fn: () => void }[] = []
  now(): number {
    return this.#now
  }
  monotonic(): number {
    return this.#now
  }
  after(ms: number, fn: () => void): { cancel(): void } {
    const timer = { at: this.#now + ms, fn }
    this.#timers.push(timer)
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) }
  }
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#now = Math.max(this.#now, due.at)
      due.fn()
    }
    this.#now = end
  }
  get armed(): number {
    return this.#timers.length
  }
}

function start(nextLook: () => number | null = () => null): {
  clock: HandClock
  pacer: Pacer
  passes: (PassRequest & { at: number })[]
} {
  const clock = new HandClock()
  const passes: (PassRequest & { at: number })[] = []
  const pacer = new Pacer(clock, 1000, (request) => {
    passes.push({ ...request, at: clock.now() })
    return nextLook()
  })
  pacer.full()
  return { clock, pacer, passes }
}

t.test('without hints everything is looked at every reconcileMs', (t) => {
  const { clock, passes } = start()
  clock.advance(3500)
  t.same(
    passes.map(({ at, only }) => [at, only]),
    [
      [0, null],
      [1000, null],
      [2000, null],
      [3000, null],
    ],
  )
  t.end()
})

t.test('P1: a hint makes a pass at once, a burst one more every few ms', (t) => {
  const { clock, pacer, passes } = start()
  clock.advance(100)
  for (let i = 0; i < 40; i++) {
    pacer.hint('a')
    clock.advance(0.5)
  }
  const hinted = passes.slice(1)
  t.equal(hinted[0]?.at, 100)
  t.same(hinted[0]?.only, new Set(['a']))
  t.ok(hinted.length >= 4 && hinted.length <= 7, `${hinted.length} passes in 20 ms`)
  t.equal(hinted[1]?.hints.get('a'), 100.5, 'the first hint since the last pass counts')
  t.end()
})

t.test('a hint at the root looks into no entry by itself', (t) => {
  const { clock, pacer, passes } = start()
  clock.advance(100)
  pacer.hint(null)
  t.same(passes[1]?.only, new Set())
  t.end()
})

t.test('an entry that asks for a look gets it at its time', (t) => {
  let next: number | null = 250
  const { clock, passes } = start(() => {
    const at = next
    next = null
    return at
  })
  clock.advance(900)
  t.same(
    passes.map(({ at }) => at),
    [0, 250],
  )
  t.same(passes[1]?.only, new Set())
  t.end()
})

t.test('P2: what is asked for during a pass is done after it', (t) => {
  const clock = new HandClock()
  const passes: boolean[] = []
  const pacer: Pacer = new Pacer(clock, 1000, ({ only }) => {
    passes.push(only === null)
    if (passes.length === 1) pacer.hint('late')
    if (passes.length === 2) pacer.full()
    return null
  })
  pacer.full()
  clock.advance(20)
  t.same(passes, [true, false, true])
  pacer.stop()
  t.equal(clock.armed, 0)
  pacer.hint('x')
  t.equal(passes.length, 3, 'stopped')
  t.end()
})
