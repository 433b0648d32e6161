import { existsSync } from 'node:fs'
import t from 'tap'
import { openWarmThread } from '../../src/generation/spare-threads.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { refuseLeaks, workerThreads } from '../helpers/leaks.ts'
import { until } from '../helpers/until.ts'
import { openHarness } from './harness.ts'

refuseLeaks(t)
const harness = openHarness(t)

async function greeted(host = harness.host()): Promise<ReturnType<typeof openWarmThread>> {
  const warm = openWarmThread(host)
  const hello = await warm.inbox.next()
  if (hello.type === 'hello') warm.hosted.identify(hello.threadId)
  return warm
}

t.test('H3: a thread is spawned for each lane, and for nothing else', async (t) => {
  const host = harness.host({ threads: 3 })
  t.ok(existsSync(host.slotDir))
  t.equal(workerThreads(), 0)
  const first = await greeted(host)
  t.equal(workerThreads(), 1)
  const second = await greeted(host)
  t.equal(host.threads, 2)
  first.hosted.kill()
  t.equal(await first.hosted.ended, 'ended by the executor')
  await until(() => workerThreads() === 1, 'the first thread ended')
  second.hosted.kill()
  await host.destroy()
  t.equal(workerThreads(), 0, 'destroy waits for threads that were killed before')
  t.notOk(existsSync(host.slotDir))
  t.equal(host.threads, 0)
  t.equal(host.destroy(), host.destroy(), 'idempotent')
})

t.test('a lane that closes ends its lane function with words', async (t) => {
  const warm = await greeted()
  warm.hosted.lane.close()
  t.equal(await warm.hosted.ended, 'the lane was closed')
  warm.hosted.kill()
  await until(() => workerThreads() === 0, 'the thread is not kept for the next lane')
  await warm.host.destroy()
})

t.test('a thread may be killed before it said hello', async (t) => {
  const host = harness.host()
  const warm = openWarmThread(host)
  warm.hosted.kill()
  t.equal(await warm.hosted.ended, 'ended by the executor')
  warm.hosted.lane.close()
  await host.destroy()
  t.equal(workerThreads(), 0)
})

t.test('H2: what ended in time is not counted as abandoned', async (t) => {
  const clock = new ManualClock()
  let abandoned = 0
  const warm = await greeted(harness.host({ clock, onAbandoned: () => abandoned++ }))
  warm.hosted.kill()
  await until(() => clock.timers === 0, 'the end of the thread is known')
  warm.hosted.kill()
  clock.advance(10_000)
  t.equal(abandoned, 0)
  t.equal(clock.timers, 0)
  await warm.host.destroy()
})

t.test('H2: what does not end within 5 s is counted once, and destroy goes on', async (t) => {
  const clock = new ManualClock()
  let abandoned = 0
  const warm = await greeted(harness.host({ clock, onAbandoned: () => abandoned++ }))
  warm.hosted.kill()
  const destroyed = warm.host.destroy()
  clock.advance(5_000)
  t.equal(abandoned, 1, 'the exit event cannot have come in between')
  await destroyed
})
