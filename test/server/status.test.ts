import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { HeadgateError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { startServer } from '../../src/server/start-server.ts'
import { FakeExecutor, packageRow } from '../helpers/fake-executor.ts'
import { bodyOf, rawConnect, rawRequest, serve, statusOf, TOKEN } from './serve.ts'
import { probe, StatusProbe } from './status-probe.ts'

t.test('the server speaks first and names boot, seq and version', async (t) => {
  const { server } = await serve(t, {}, (executor) => {
    for (let i = 0; i < 3_000; i++) executor.append({}, false)
  })
  const client = new StatusProbe(t, server.port)
  const hello = await client.next('hello')
  t.match(hello, { boot: 'boot-1', seq: 3_000, version: '0.1.0', heartbeatMs: 5_000 })
})

t.test('nobody is let in before the end of the control log is known', async (t) => {
  const probed = createServer().listen(0, '127.0.0.1')
  await once(probed, 'listening')
  const { port } = probed.address() as AddressInfo
  probed.close()
  await once(probed, 'close')
  const answers: unknown[] = []
  await serve(t, { port }, (executor) => {
    const read = executor.control.bind(executor)
    executor.control = async (query) => {
      const [error] = await once(connect(port, '127.0.0.1').on('connect', t.fail), 'error')
      answers.push(error)
      return read(query)
    }
  })
  t.match(answers, [{ code: 'ECONNREFUSED' }])
})

t.test('a server that could not listen has let go of its executor', async (t) => {
  const { server } = await serve(t)
  const executor = new FakeExecutor()
  let listeners = 0
  const on = executor.events.on.bind(executor.events)
  executor.events.on = (name, listener) => {
    listeners += 1
    const off = on(name, listener)
    return () => {
      listeners -= 1
      off()
    }
  }
  const options = { executor, host: '127.0.0.1', port: server.port, version: '0.1.0' }
  await t.rejects(startServer({ ...options, logger: silentLogger, token: TOKEN }), {
    code: 'PORT_IN_USE',
  })
  t.equal(listeners, 0)
})

t.test('a state topic is a snapshot, then deltas that continue it', async (t) => {
  const { server, executor } = await serve(t, {}, ({ rows }) => {
    rows.set('public::a', packageRow('a'))
  })
  const client = await probe(t, server.port)
  const snapshot = await client.subscribe('p', 'packages')
  t.match(snapshot, { rows: [{ package: 'a' }], part: 0, last: true, boot: 'boot-1' })
  executor.put(packageRow('b'))
  const added = await client.next('delta', 'p')
  t.match(added, { prev: snapshot.seq, seq: snapshot.seq + 1, put: [{ package: 'b' }], del: [] })
  executor.remove('public', 'a')
  const removed = await client.next('delta', 'p')
  t.match(removed, { prev: added.seq, put: [], del: ['public::a'] })
  client.send({ type: 'ping', t: 5 })
  t.match(await client.next('pong'), { t: 5 })
  client.send({ type: 'unsubscribe', id: 'p' })
  client.send({ type: 'unsubscribe', id: 'p' })
  t.match(await client.next('error'), { code: 'WS_PROTOCOL', status: 400 })
})

t.test('many changes within one flush are one delta of the newest row', async (t) => {
  const { server, executor } = await serve(t)
  const client = await probe(t, server.port)
  await client.subscribe('p', 'packages')
  executor.put(packageRow('a', { epoch: 0 }))
  await client.next('delta', 'p')
  for (let epoch = 1; epoch <= 100; epoch++) executor.put(packageRow('a', { epoch }))
  t.match(await client.next('delta', 'p'), { put: [{ package: 'a', epoch: 100 }] })
  t.equal(client.frames.filter((frame) => frame.type === 'delta').length, 2)
})

t.test('a long list comes in parts of at most 256 rows', async (t) => {
  const { server } = await serve(t, {}, ({ rows }) => {
    for (let i = 0; i < 600; i++) rows.set(`public::p${i}`, packageRow(`p${i}`))
  })
  const client = await probe(t, server.port)
  const sizes = [(await client.subscribe('p', 'packages')).rows.length]
  for (let last = false; !last; ) {
    const part = await client.next('snapshot', 'p')
    t.equal(part.part, sizes.length)
    sizes.push(part.rows.length)
    last = part.last
  }
  t.equal(
    sizes.reduce((sum, size) => sum + size),
    600,
  )
  t.ok(sizes.every((size) => size <= 256))
})

t.test('filters hold for snapshots and deltas', async (t) => {
  const { server, executor } = await serve(t, {}, ({ rows }) => {
    rows.set('public::a', packageRow('a'))
    rows.set('acme::b', packageRow('b', { tenant: 'acme' }))
  })
  const client = await probe(t, server.port)
  const snapshot = await client.subscribe('p', 'packages', { filter: { tenant: 'acme' } })
  t.match(snapshot.rows, [{ tenant: 'acme' }])
  executor.put(packageRow('a', { epoch: 2 }))
  executor.put(packageRow('b', { tenant: 'acme', epoch: 2 }))
  const delta = await client.next('delta', 'p')
  t.equal(delta.put.length, 1)
  t.match(delta.put, [{ tenant: 'acme' }])
})

t.test('counters that move without an event are told, and nothing is read unwatched', async (t) => {
  const { server, executor } = await serve(t, {}, ({ rows }) => {
    rows.set('public::a', packageRow('a'))
  })
  const client = await probe(t, server.port)
  await client.subscribe('p', 'packages')
  const row = packageRow('a')
  const generations = row.generations.map((g) => ({ ...g, served: 41 }))
  executor.rows.set('public::a', { ...row, generations })
  t.match(await client.next('delta', 'p'), { put: [{ generations: [{ served: 41 }] }] })
  client.send({ type: 'unsubscribe', id: 'p' })
  client.send({ type: 'ping' })
  await client.next('pong')
  const { reads } = executor
  executor.put(packageRow('a', { epoch: 3 }))
  client.send({ type: 'ping' })
  await client.next('pong')
  t.equal(executor.reads, reads)
})

t.test('receipts: the newest 100, then each new one and each completed one', async (t) => {
  const { server, executor } = await serve(t, {}, (fake) => {
    for (let epoch = 1; epoch <= 130; epoch++) fake.swap(epoch)
  })
  const client = await probe(t, server.port)
  const snapshot = await client.subscribe('r', 'receipts')
  t.equal(snapshot.rows.length, 100)
  executor.swap(131)
  t.match(await client.next('delta', 'r'), { put: [{ epoch: 131, lost: null }], del: ['31'] })
  executor.swap(131, { drained: 3, killed: 0, lost: 0 })
  t.match(await client.next('delta', 'r'), { put: [{ epoch: 131, lost: 0 }] })
  const executorRow = await client.subscribe('e', 'executor')
  t.match(executorRow.rows, [{ state: 'ready' }])
  executor.state = 'closing'
  executor.events.emit('state', 'closing')
  t.match(await client.next('delta', 'e'), { put: [{ state: 'closing' }] })
})

t.test('receipts with a filter are the newest 100 that pass it, however old', async (t) => {
  const { server, executor } = await serve(t, {}, (fake) => {
    fake.swap(1, { package: 'quiet' })
    for (let epoch = 2; epoch <= 150; epoch++) fake.swap(epoch)
    for (let epoch = 151; epoch <= 270; epoch++) fake.swap(epoch, { tenant: 'acme' })
  })
  const client = await probe(t, server.port)
  const epochs = ({ rows }: { rows: unknown[] }): number[] =>
    rows.map((row) => (row as { epoch: number }).epoch).sort((a, b) => a - b)
  const quiet = { filter: { tenant: 'public', package: 'quiet' } }
  t.same(epochs(await client.subscribe('q', 'receipts', quiet)), [1])
  const ours = epochs(await client.subscribe('t', 'receipts', { filter: { tenant: 'public' } }))
  t.same([ours.length, ours[0], ours.at(-1)], [100, 51, 150])
  const all = epochs(await client.subscribe('a', 'receipts'))
  t.same([all.length, all[0]], [100, 171])

  executor.swap(271, { package: 'quiet' })
  t.match(await client.next('delta', 'q'), { put: [{ epoch: 271 }], del: [] })
  client.send({ type: 'unsubscribe', id: 'q' })
  executor.swap(272, { package: 'quiet' })
  const again = await client.subscribe('q2', 'receipts', quiet)
  t.same(epochs(again), [1, 271, 272])
})

t.test('the control log goes on from `since` in the store to live without a gap', async (t) => {
  const { server, executor } = await serve(t, {}, (fake) => {
    for (let i = 0; i < 700; i++) fake.append({}, false)
  })
  const client = await probe(t, server.port)
  client.send({ type: 'subscribe', id: 'c', topic: 'control', since: 10 })
  client.send({ type: 'subscribe', id: 'live', topic: 'control' })
  for (let i = 0; i < 20; i++) executor.append()
  const seen: number[] = []
  while (seen.at(-1) !== 720) {
    const { seq, id } = await client.next('event')
    if (id === 'c') seen.push(seq)
    if (seq === 300) executor.append({ package: 'other' })
  }
  while (seen.at(-1) !== 721) {
    const { seq, id } = await client.next('event')
    if (id === 'c') seen.push(seq)
  }
  t.strictSame(
    seen,
    Array.from({ length: 711 }, (_, i) => i + 11),
  )
  const live = client.frames.flatMap((f) => (f.type === 'event' && f.id === 'live' ? [f.seq] : []))
  t.ok(live.every((seq) => seq > 700))
})

t.test(
  'a filtered control subscription resumes at a bookmark past what it did not see',
  async (t) => {
    const { server, executor } = await serve(t)
    const client = await probe(t, server.port)
    client.send({ type: 'subscribe', id: 'c', topic: 'control', filter: { package: 'rare' } })
    t.match(await client.next('bookmark'), { seq: 0 })
    for (let i = 0; i < 5; i++) executor.append()
    executor.append({ package: 'rare' })
    t.match(await client.next('event', 'c'), { seq: 6 })
    t.match(await client.next('bookmark'), { seq: 6 })
  },
)

t.test('a since beyond the log is told and taken for now', async (t) => {
  const { server, executor } = await serve(t)
  const client = await probe(t, server.port)
  client.send({ type: 'subscribe', id: 'c', topic: 'control', since: 99 })
  t.match(await client.next('gone', 'c'), { reason: /beyond the log/ })
  executor.append()
  t.match(await client.next('event', 'c'), { seq: 1 })
})

t.test('a store that fails ends the subscription with its error, not the connection', async (t) => {
  const { server, executor } = await serve(t)
  executor.receipts = () => Promise.reject(new HeadgateError('STORE_FAILED', { why: 'disk' }))
  const client = await probe(t, server.port)
  client.send({ type: 'subscribe', id: 'r', topic: 'receipts' })
  t.match(await client.next('error'), { code: 'STORE_FAILED', id: 'r', retryable: true })
  t.ok(await client.subscribe('p', 'packages'))
})

t.test('what is refused is answered, ten times, then the socket closes', async (t) => {
  const { server } = await serve(t)
  const client = await probe(t, server.port)
  const bad: [unknown, RegExp][] = [
    ['no json', /not JSON/],
    ['[]', /./],
    ['null', /./],
    [{ type: 'shutdown' }, /./],
    [{ type: 'subscribe', id: 'x', topic: 'package' }, /did you mean packages/],
    [{ type: 'subscribe', id: '', topic: 'packages' }, /id/],
    [{ type: 'subscribe', id: 'x', topic: 'packages', since: 3 }, /since/],
    [{ type: 'subscribe', id: 'x', topic: 'packages', extra: 1 }, /extra/],
    [{ type: 'subscribe', id: 'x', topic: 'packages', maxHz: 1e9 }, /maxHz/],
  ]
  for (const [frame, why] of bad) {
    client.send(frame)
    const error = await client.next('error')
    t.equal(error.code, 'WS_PROTOCOL')
    t.match(error.detail, why)
  }
  client.socket.send(Buffer.from([1, 2, 3]))
  t.match(await client.next('error'), { detail: /binary/ })
  t.match(await client.closed, { code: 1008 })
  await probe(t, server.port)
})

t.test('at most 32 subscriptions a connection, each id once', async (t) => {
  const { server } = await serve(t)
  const client = await probe(t, server.port)
  for (let i = 0; i < 32; i++) await client.subscribe(`s${i}`, 'packages')
  client.send({ type: 'subscribe', id: 's0', topic: 'packages' })
  t.match(await client.next('error'), { detail: /exists already/ })
  client.send({ type: 'subscribe', id: 'more', topic: 'packages' })
  t.match(await client.next('error'), { detail: /at most 32/, id: 'more' })
})

t.test('frames that break RFC 6455 end their socket and nothing else', async (t) => {
  const { server } = await serve(t)
  const mask = [0, 0, 0, 0]
  const bad: [string, number[]][] = [
    ['a reserved bit', [0xf1, 0x80, ...mask]],
    ['an unknown opcode', [0x83, 0x80, ...mask]],
    ['no mask', [0x81, 0x01, 0x61]],
    ['a fragmented control frame', [0x09, 0x80, ...mask]],
    ['a long control frame', [0x89, 0xfe, 0x00, 0x7e, ...mask]],
    ['a continuation of nothing', [0x80, 0x80, ...mask]],
    ['a new message within a message', [0x01, 0x80, ...mask, 0x81, 0x80, ...mask]],
    ['text that is not UTF-8', [0x81, 0x81, ...mask, 0xff]],
    ['a close code that does not exist', [0x88, 0x82, ...mask, 0x00, 0x01]],
    ['a message over 64 KiB', [0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, ...mask]],
    ['a length over 2^53', [0x81, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, ...mask]],
  ]
  const watcher = await probe(t, server.port)
  for (const [name, bytes] of bad) {
    const { socket, until, text } = rawConnect(t, server.port)
    socket.write(
      `GET /v1/status HTTP/1.1\r\nHost: localhost:${server.port}\r\nUpgrade: websocket\r\n` +
        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
        'Sec-WebSocket-Protocol: headgate.status.v1\r\n\r\n',
    )
    await until('"hello"')
    socket.write(Buffer.from(bytes))
    await text
    t.pass(name)
  }
  watcher.send({ type: 'ping' })
  t.ok(await watcher.next('pong'))
})

t.test('a message of very many fragments ends its socket', async (t) => {
  const { server } = await serve(t)
  const client = await probe(t, server.port)
  for (let i = 0; i < 200; i++) client.socket.send('x', { fin: false })
  t.match(await client.closed, { code: 1008 })
})

t.test('upgrades that must not be are refused with a problem', async (t) => {
  const { server } = await serve(t)
  const host = `Host: localhost:${server.port}`
  const upgrade = [
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ]
  const protocol = 'Sec-WebSocket-Protocol: headgate.status.v1'
  const get = 'GET /v1/status HTTP/1.1'
  const cases: [string, string[], number, string][] = [
    [
      'a foreign origin',
      [get, host, ...upgrade, protocol, 'Origin: http://evil'],
      403,
      'ORIGIN_REFUSED',
    ],
    ['a foreign host', [get, 'Host: evil', ...upgrade, protocol], 403, 'HOST_HEADER_REFUSED'],
    ['another path', ['GET /v1/other HTTP/1.1', host, ...upgrade, protocol], 404, 'HTTP_NOT_FOUND'],
    ['no subprotocol', [get, host, ...upgrade], 400, 'WS_PROTOCOL'],
    [
      'an unknown subprotocol',
      [get, host, ...upgrade, 'Sec-WebSocket-Protocol: headgate.status.v9'],
      400,
      'WS_PROTOCOL',
    ],
    ['no key', [get, host, ...upgrade.slice(0, 3), protocol], 400, 'WS_PROTOCOL'],
  ]
  for (const [name, lines, status, code] of cases) {
    const answered = await rawRequest(t, server.port, lines)
    t.equal(statusOf(answered), status, name)
    t.equal(bodyOf(answered)['code'], code, name)
  }
  const plain = await rawRequest(t, server.port, [
    'GET /livez HTTP/1.1',
    host,
    'Upgrade: h2c',
    'Connection: Upgrade, close',
  ])
  t.equal(statusOf(plain), 200, 'an offer of another protocol is an ordinary request')
})

t.test('the 257th connection is refused until one leaves', async (t) => {
  const { server } = await serve(t)
  const all = await Promise.all(Array.from({ length: 256 }, () => probe(t, server.port)))
  const refused = new WebSocket(`ws://127.0.0.1:${server.port}/v1/status`, 'headgate.status.v1')
  const [, response] = await new Promise<[unknown, { statusCode?: number | undefined }]>(
    (resolve) => {
      refused.once('unexpected-response', (request, answer) => resolve([request, answer]))
      refused.on('error', () => {})
    },
  )
  t.equal(response.statusCode, 503)
  refused.terminate()
  all[0]?.socket.close()
  await all[0]?.closed
  await probe(t, server.port)
})

t.test('a flood of frames closes the socket', async (t) => {
  const { server } = await serve(t)
  const client = await probe(t, server.port)
  for (let i = 0; i < 5_000; i++) client.send('{"type":"ping"}')
  t.match(await client.closed, { code: 1008 })
})

t.test('close says bye and when to come back', async (t) => {
  const { server } = await serve(t)
  const client = await probe(t, server.port)
  const closing = server.close()
  t.match(await client.next('bye'), { retryAfterMs: 1_000 })
  t.match(await client.closed, { code: 1001 })
  await closing
})
