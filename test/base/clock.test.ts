import { getEventListeners } from 'node:events'
import t from 'tap'
import { delay, systemClock } from '../../src/base/clock.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

t.test('a delay ends when its time has come, and lets go of the signal', async (t) => {
  const clock = new ManualClock()
  const { signal } = new AbortController()
  const ended = delay(clock, 100, signal)
  t.equal(getEventListeners(signal, 'abort').length, 1)
  clock.advance(99)
  t.equal(clock.timers, 1)
  clock.advance(1)
  await ended
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('a delay is cut short by its signal and leaves no timer', async (t) => {
  const clock = new ManualClock()
  const controller = new AbortController()
  const reason = new Error('enough')
  const ended = delay(clock, 100, controller.signal)
  controller.abort(reason)
  await t.rejects(ended, reason)
  t.equal(clock.timers, 0)
  await t.rejects(delay(clock, 100, controller.signal), reason, 'an aborted signal begins none')
  t.equal(clock.timers, 0)
})

t.test('the system clock calls once, unless it is cancelled', async (t) => {
  const called = Promise.withResolvers<string>()
  const cancelled = systemClock.after(0, () => called.resolve('the cancelled one'))
  cancelled.cancel()
  const timer = systemClock.after(1, () => called.resolve('the other'), { keepAlive: true })
  t.equal(await called.promise, 'the other')
  timer.cancel()
})

t.test('a wait of months is not cut to what a timer can hold', (t) => {
  let called = false
  const timer = systemClock.after(2 ** 32, () => {
    called = true
  })
  setImmediate(() => {
    t.equal(called, false)
    timer.cancel()
    t.end()
  })
})

t.test('wall time and monotonic time are told apart', (t) => {
  t.ok(Math.abs(systemClock.now() - Date.now()) < 1000)
  const before = systemClock.monotonic()
  t.ok(systemClock.monotonic() >= before)
  t.end()
})
