import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { answer, type FakeExecutor } from '../helpers/fake-executor.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { rawConnect, serve, TASK, JSON_TYPE } from './serve.ts'

/** Its next call begins and is answered when it is released. */
function holdInvoke(executor: FakeExecutor): { begun: Promise<void>; release: () => void } {
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  executor.onInvoke = async (_namespace, body) => {
    begun.resolve()
    await released.promise
    return answer(body)
  }
  return { begun: begun.promise, release: released.resolve }
}

t.test('after the beginning of close the port is open and readiness fails', async (t) => {
  const { server } = await serve(t)
  const kept = rawConnect(t, server.port)
  const request = `GET /readyz HTTP/1.1\r\nhost: localhost:${server.port}\r\n\r\n`
  kept.socket.write(request)
  await kept.until('"ready"')
  server.beginClose()
  server.beginClose()
  const response = await fetch(`${server.url}/readyz`)
  t.equal(response.status, 503)
  t.equal(response.headers.get('connection'), 'close')
  t.strictSame(await response.json(), { state: 'closing' })
  t.equal((await fetch(server.url + TASK, { method: 'POST' })).status, 200, 'the executor decides')
  kept.socket.write(request)
  t.match(await kept.text, /HTTP\/1.1 503.*connection: close/is, 'kept connections end in order')
  await server.close()
  await t.rejects(fetch(`${server.url}/readyz`))
})

t.test('close answers what is open, fails readiness and closes idle connections', async (t) => {
  const { server, executor } = await serve(t)
  const { begun, release } = holdInvoke(executor)
  const idle = rawConnect(t, server.port)
  idle.socket.write(`GET /readyz HTTP/1.1\r\nhost: localhost:${server.port}\r\n\r\n`)
  await idle.until('"ready"')
  const kept = rawConnect(t, server.port)
  kept.socket.write(`GET /livez HTTP/1.1\r\nhost: localhost:${server.port}\r\n\r\n`)
  await kept.until('"live"')
  const call = fetch(server.url + TASK, { method: 'POST', headers: JSON_TYPE, body: '1' })
  await begun
  // A request of which only half has come.
  const half = rawConnect(t, server.port)
  half.socket.write(`GET /readyz HTTP/1.1\r\nhost: localhost:${server.port}\r\n`)
  const closing = server.close()
  t.equal(server.close(), closing, 'close is idempotent')
  await Promise.all([idle.text, kept.text])
  await t.rejects(fetch(`${server.url}/livez`), 'nobody listens any more')
  release()
  t.equal(await (await call).text(), '1', 'the open request is answered')
  await closing
  await half.text
})

t.test('an answer on its way at close still arrives whole', async (t) => {
  const { server, executor } = await serve(t)
  const text = JSON.stringify('x'.repeat(64 * 1024 * 1024))
  executor.onInvoke = async () => answer(text)
  const response = await fetch(server.url + TASK, { method: 'POST' })
  const idle = rawConnect(t, server.port)
  idle.socket.write(`GET /livez HTTP/1.1\r\nhost: localhost:${server.port}\r\n\r\n`)
  await idle.until('"live"')
  const closing = server.close()
  t.equal((await response.text()).length, text.length)
  await Promise.all([closing, idle.text])
})

t.test('an answer that is not read holds close up for a few seconds only', async (t) => {
  const clock = new ManualClock()
  const { server, executor } = await serve(t, { clock })
  // More than the kernel keeps for a connection.
  const bytes = 64 * 1024 * 1024
  executor.onInvoke = async () => answer(JSON.stringify('x'.repeat(bytes)))
  const stopped = connect(server.port, '127.0.0.1')
  t.teardown(() => stopped.destroy())
  stopped.on('error', () => {})
  stopped.write(
    `POST ${TASK} HTTP/1.1\r\nhost: localhost:${server.port}\r\ncontent-length: 0\r\n\r\n`,
  )
  await once(stopped, 'readable')
  const { begun, release } = holdInvoke(executor)
  const slow = fetch(server.url + TASK, { method: 'POST', headers: JSON_TYPE, body: '1' })
  await begun
  const closing = server.close()
  const cut = once(stopped, 'close')
  clock.advance(6_000)
  stopped.resume()
  await cut
  t.ok(stopped.bytesRead < bytes, 'the rest of the answer is not sent any more')
  clock.advance(60_000)
  release()
  t.equal(await (await slow).text(), '1', 'a call that runs is waited for')
  await closing
})

t.test('readiness fails on a connection that outlives the beginning of close', async (t) => {
  const { server, executor } = await serve(t)
  const { begun, release } = holdInvoke(executor)
  const { socket, text } = rawConnect(t, server.port)
  const host = `host: localhost:${server.port}`
  socket.write(`POST ${TASK} HTTP/1.1\r\n${host}\r\ncontent-length: 0\r\n\r\n`)
  await begun
  const closing = server.close()
  socket.write(`GET /readyz HTTP/1.1\r\n${host}\r\n\r\n`)
  release()
  const answered = await text
  t.match(answered, /^HTTP\/1.1 200/)
  await closing
})
