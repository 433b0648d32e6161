import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { SpareThreads } from '../../src/generation/spare-threads.ts'
import type { ThreadHost } from '../../src/generation/thread-host.ts'
import { refuseLeaks, workerThreads } from '../helpers/leaks.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'
import { openHarness } from './harness.ts'

refuseLeaks(t)
const harness = openHarness(t)

function open(t: { teardown(fn: () => unknown): void }, enabled = true, slotsDir?: string) {
  const hosts: ThreadHost[] = []
  const createHost = (): ThreadHost => {
    const host = harness.host({ slotsDir })
    hosts.push(host)
    return host
  }
  const clock = new ManualClock()
  const faults: unknown[] = []
  const onFault = (error: unknown): void => void faults.push(error)
  const onReady = (): void => {}
  const spare = new SpareThreads({ enabled, createHost, clock, onReady, onFault })
  t.teardown(() => spare.close())
  return { spare, hosts, clock, faults }
}

t.test('it is started once, taken once, and then to be refilled', async (t) => {
  const { spare, hosts } = open(t)
  t.equal(spare.state, 'off')
  t.equal(spare.take(), undefined)
  const refills = [spare.refill(), spare.refill()]
  t.equal(spare.state, 'starting')
  await Promise.all(refills)
  t.equal(spare.state, 'ready')
  t.equal(spare.threads, 1)
  await spare.refill()
  t.equal(hosts.length, 1)
  const taken = spare.take()
  t.equal(taken?.host, hosts[0])
  t.equal(spare.take(), undefined)
  t.equal(spare.state, 'off')
  await spare.refill()
  t.equal(hosts.length, 2)
  await spare.close()
  t.equal(workerThreads(), 1, 'the one that was taken is its taker’s')
  await taken?.host.destroy()
})

t.test('P2: one that ends by itself is gone until the next refill', async (t) => {
  const { spare, hosts } = open(t)
  await spare.refill()
  const warm = spare.take()
  warm?.hosted.kill()
  await spare.refill()
  t.equal(spare.state, 'ready')
  await hosts[1]?.destroy()
  await until(() => spare.state === 'off', 'it is not offered any longer')
  t.equal(spare.take(), undefined)
  t.equal(hosts.length, 2, 'nothing started in its place')
  await spare.refill()
  t.equal(spare.state, 'ready')
})

t.test('P2: one whose slot folder cannot be made is told of, and tried again', async (t) => {
  const slotsDir = join(tmpdir(), `headgate-spare-${process.pid}`)
  t.teardown(() => rmSync(slotsDir, { recursive: true, force: true }))
  writeFileSync(slotsDir, 'a file, where a folder is needed')
  const { spare, faults, clock } = open(t, true, slotsDir)
  spare.refillLater()
  clock.advance(1000)
  await until(() => spare.state === 'off', 'the refill by the timer has failed')
  await spare.refill()
  t.equal(spare.state, 'off')
  t.match(faults, [{ code: 'ENOTDIR' }, { code: 'ENOTDIR' }], 'each time')
  rmSync(slotsDir)
  await spare.refill()
  t.equal(spare.state, 'ready')
  t.equal(faults.length, 2)
})

t.test('after close, and when it is disabled, none is started', async (t) => {
  const off = open(t, false)
  await off.spare.refill()
  t.equal(off.spare.state, 'off')
  const { spare, hosts } = open(t)
  const starting = spare.refill()
  await spare.close()
  await starting
  t.equal(spare.state, 'off', 'one that was starting is ended')
  await spare.refill()
  t.equal(hosts.length, 1)
  await until(() => workerThreads() === 0, 'no thread is left')
})

t.test('close ends a thread that never says hello', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-silent-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const entry = join(folder, 'entry.mjs')
  writeFileSync(
    entry,
    'export const serveLane = () => new Promise(() => setInterval(() => {}, 1e6))',
  )
  const url = pathToFileURL(entry).href
  const host = harness.host({ code: { entry: url, sdk: url, folder } })
  const faults: unknown[] = []
  const spare = new SpareThreads({
    enabled: true,
    createHost: () => host,
    clock: new ManualClock(),
    onReady: () => {},
    onFault: (error) => faults.push(error),
  })
  const starting = spare.refill()
  await until(() => workerThreads() === 1, 'it runs')
  await Promise.all([spare.close(), starting])
  t.equal(spare.state, 'off')
  t.same(faults, [])
})

t.test(
  'P3: after a swap it is refilled a second later, however many swaps there were',
  async (t) => {
    const { spare, hosts, clock } = open(t)
    spare.refillLater()
    clock.advance(600)
    spare.refillLater()
    clock.advance(399)
    t.equal(spare.state, 'off')
    clock.advance(1)
    t.equal(spare.state, 'starting')
    await spare.refill()
    t.equal(hosts.length, 1)
    spare.refillLater()
    await spare.close()
    clock.advance(1000)
    t.equal(hosts.length, 1)
  },
)
