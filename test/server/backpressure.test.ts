import { EventEmitter } from 'node:events'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import { silentLogger } from '../../src/base/logger.ts'
import { type ServerFrame, serverFrameSchema } from '../../src/protocol/status-stream.ts'
import { ControlFeed } from '../../src/server/control-feed.ts'
import { StatusClient } from '../../src/server/status-client.ts'
import { ReceiptsSource } from '../../src/server/receipts-source.ts'
import { ExecutorSource, PackagesSource } from '../../src/server/status-sources.ts'
import { FakeExecutor, packageRow } from '../helpers/fake-executor.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { serve } from './serve.ts'
import { StatusProbe } from './status-probe.ts'

const KIB = 1024

/** What a StatusClient uses of a ws socket; `bufferedAmount` is the test's to set. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  readonly sent: ServerFrame[] = []
  closedWith: number | undefined
  pings = 0
  terminated = false
  /** Added to bufferedAmount by each frame. */
  growth = 0

  send(text: string): void {
    this.sent.push(serverFrameSchema.parse(JSON.parse(text)))
    this.bufferedAmount += this.growth
  }

  ping(): void {
    this.pings += 1
  }

  close(code: number): void {
    this.closedWith = code
    this.readyState = 2
  }

  terminate(): void {
    this.terminated = true
    this.readyState = 3
    this.emit('close')
  }

  receive(frame: object): void {
    this.emit('message', Buffer.from(JSON.stringify(frame)), false)
  }
}

async function subscribed(
  packages: number,
  growth = 0,
): Promise<{
  readonly socket: FakeSocket
  readonly client: StatusClient
  readonly clock: ManualClock
  readonly source: PackagesSource
  readonly executor: FakeExecutor
}> {
  const executor = new FakeExecutor()
  for (let i = 0; i < packages; i++) executor.rows.set(`public::p${i}`, packageRow(`p${i}`))
  const clock = new ManualClock()
  const socket = new FakeSocket()
  socket.growth = growth
  const source = new PackagesSource(executor)
  executor.events.on('package', (name) => source.mark(name))
  const client = new StatusClient({
    socket: socket as unknown as WebSocket,
    clock,
    logger: silentLogger,
    boot: 'boot-1',
    feed: new ControlFeed(executor),
    sources: {
      executor: new ExecutorSource(executor),
      packages: source,
      receipts: new ReceiptsSource(executor),
    },
    onPending: () => {},
  })
  socket.receive({ type: 'subscribe', id: 'p', topic: 'packages' })
  await Promise.resolve()
  await Promise.resolve()
  return { socket, client, clock, source, executor }
}

t.test('K1: over 256 KiB nothing is sent; what changed meanwhile comes as one row', async (t) => {
  const { socket, client, clock, source, executor } = await subscribed(1)
  t.match(socket.sent, [{ type: 'snapshot' }])
  socket.bufferedAmount = 257 * KIB
  for (let epoch = 2; epoch < 500; epoch++) {
    executor.put(packageRow('p0', { epoch }))
    source.flush()
    t.equal(client.pump(), true, 'it stays pending')
  }
  t.equal(socket.sent.length, 1)
  socket.bufferedAmount = 0
  clock.advance(100)
  t.equal(client.pump(), false)
  t.match(socket.sent.slice(1), [{ type: 'delta', prev: 1, seq: 2, put: [{ epoch: 499 }] }])
})

t.test('a snapshot waits between its parts while the socket is full', async (t) => {
  const { socket, client } = await subscribed(1_000, 300 * KIB)
  t.equal(socket.sent.length, 1, 'one part, then the buffer is over the limit')
  socket.bufferedAmount = 0
  client.pump()
  t.equal(socket.sent.length, 2)
})

t.test(
  'B2: rows that change or go while the snapshot is sent are in the first delta',
  async (t) => {
    const { socket, client, clock, source, executor } = await subscribed(300, 300 * KIB)
    executor.put(packageRow('p0', { epoch: 9 }))
    executor.remove('public', 'p299')
    source.flush()
    socket.growth = 0
    socket.bufferedAmount = 0
    clock.advance(100)
    client.pump()
    t.match(socket.sent.slice(1), [
      { type: 'snapshot', part: 1, last: true },
      { type: 'delta', put: [{ package: 'p0', epoch: 9 }], del: ['public::p299'] },
    ])
  },
)

t.test('K2: behind for over 5 s: gone and a fresh snapshot; deltas go on from it', async (t) => {
  const { socket, client, clock, source, executor } = await subscribed(1)
  socket.bufferedAmount = 300 * KIB
  executor.put(packageRow('p0', { epoch: 2 }))
  source.flush()
  client.pump()
  clock.advance(5_001)
  socket.bufferedAmount = 0
  client.pump()
  t.match(socket.sent.slice(1), [
    { type: 'gone', id: 'p' },
    { type: 'snapshot', seq: 2, rows: [{ epoch: 2 }] },
  ])
  executor.put(packageRow('p0', { epoch: 3 }))
  source.flush()
  client.pump()
  t.match(socket.sent.at(-1), { type: 'delta', prev: 2, seq: 3 })
})

t.test('K2: behind for 30 s, or by 4 MiB, is closed with 1013 and then cut', async (t) => {
  const slow = await subscribed(1)
  slow.socket.bufferedAmount = 300 * KIB
  slow.client.tick()
  slow.clock.advance(30_001)
  slow.client.tick()
  t.equal(slow.socket.closedWith, 1013)
  t.equal(slow.source.topic.watchers, 0, 'nothing is kept for it')
  slow.clock.advance(1_000)
  t.equal(slow.socket.terminated, true)

  const big = await subscribed(1)
  big.socket.bufferedAmount = 4 * 1024 * KIB + 1
  big.client.tick()
  t.equal(big.socket.closedWith, 1013)
})

t.test('a client that misses two pings is cut, one that answers is not', async (t) => {
  for (const answers of [true, false]) {
    const { socket, client, clock } = await subscribed(1)
    for (let i = 0; i < 6; i++) {
      clock.advance(15_000)
      client.tick()
      if (answers) socket.emit('pong')
    }
    t.equal(socket.terminated, !answers)
    t.equal(socket.pings, answers ? 6 : 2)
  }
})

t.test('maxHz spaces the deltas of its subscription only', async (t) => {
  const { socket, client, clock, source, executor } = await subscribed(1)
  socket.receive({ type: 'subscribe', id: 'slow', topic: 'packages', maxHz: 1 })
  await Promise.resolve()
  await Promise.resolve()
  const told: string[] = []
  for (let i = 0; i < 20; i++) {
    executor.put(packageRow('p0', { epoch: i + 2 }))
    source.flush()
    const before = socket.sent.length
    client.pump()
    for (const frame of socket.sent.slice(before)) if (frame.type === 'delta') told.push(frame.id)
    clock.advance(100)
  }
  t.equal(told.filter((id) => id === 'p').length, 20)
  t.equal(told.filter((id) => id === 'slow').length, 2)
})

async function fill(test: Test): Promise<void> {
  const clock = new ManualClock()
  const { server, executor } = await serve(test, { clock }, ({ rows }) => {
    for (let i = 0; i < 4_000; i++) {
      rows.set(`public::p${i}`, packageRow(`p${i}`, { description: 'x'.repeat(8 * KIB) }))
    }
  })
  const reader = new StatusProbe(test, server.port)
  await reader.next('hello')
  await reader.subscribe('p', 'packages')
  reader.socket.pause()
  const before = process.memoryUsage().arrayBuffers
  for (let round = 0; round < 50; round++) {
    for (const row of executor.rows.values()) executor.put({ ...row, epoch: round })
    clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const grown = process.memoryUsage().arrayBuffers - before
  test.ok(grown < 64 * KIB * KIB, `${Math.round(grown / KIB / KIB)} MiB wait for the slow reader`)
  for (let i = 0; i < 70; i++) clock.advance(500)
  reader.socket.resume()
  const { code } = await reader.closed
  test.ok(code === 1013 || code === 1006, `closed with ${code}`)
}

t.test('a reader that stops reading costs a bounded amount and is closed', async (t) => {
  await fill(t)
})
