import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { patientFetch } from '../../src/cli/patient-fetch.ts'
import { createClient } from '../../src/client/client.ts'
import { answer, untilAborted } from '../helpers/fake-executor.ts'
import { serve } from '../server/serve.ts'
import { run } from './command.ts'

async function listening(t: Test, listener: RequestListener): Promise<URL> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path?query=1`)
}

t.test('it sends what it is told, and the answer is that of fetch', async (t) => {
  const url = await listening(t, (request, response) => {
    const { method, headers } = request
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      const own = String(headers['x-own'])
      response.writeHead(418, { 'x-sent': `${method} ${request.url} ${own} ${body}` })
      response.end('a teapot, ä')
    })
  })
  const headers = { 'x-own': 'mine' }
  for (const body of ['text', new TextEncoder().encode('bytes')]) {
    const request = { method: 'POST', headers, body } as const
    for (const send of [patientFetch, fetch]) {
      const response = await send(url, request)
      t.equal(response.status, 418)
      const sent = typeof body === 'string' ? body : 'bytes'
      t.equal(response.headers.get('x-sent'), `POST /path?query=1 mine ${sent}`)
      t.equal(await response.text(), 'a teapot, ä')
    }
  }
})

t.test('an answer without a body, and one that is cut off', async (t) => {
  const empty = await listening(t, (_request, response) => response.writeHead(204).end())
  const none = await patientFetch(empty, { method: 'GET', headers: {} })
  t.equal(none.status, 204)
  t.equal(none.body, null)
  const cut = await listening(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 10 })
    response.write('half', () => response.destroy())
  })
  const half = await patientFetch(cut, { method: 'GET', headers: {} })
  await t.rejects(half.text())
})

t.test('an aborted call ends, with nobody there it says so', async (t) => {
  const { server, executor } = await serve(t)
  const cancelled = Promise.withResolvers<void>()
  const leave = new AbortController()
  executor.onInvoke = (_namespace, _body, { signal }) => {
    signal?.addEventListener('abort', () => cancelled.resolve())
    leave.abort(new Error('enough'))
    return untilAborted(signal)
  }
  const client = createClient({ url: server.url, fetch: patientFetch, signal: leave.signal })
  await t.rejects(client.invoke('a::b::c'), { code: 'TASK_ABORTED', message: /enough/ })
  await cancelled.promise
  await server.close()
  await t.rejects(createClient({ url: server.url, fetch: patientFetch }).packages(), {
    code: 'UNREACHABLE',
    message: /connection refused/,
  })
})

t.test('the commands call without the limits of the global fetch', async (t) => {
  const { server, executor } = await serve(t)
  executor.onInvoke = async () => answer('"late"')
  const original = globalThis.fetch
  t.teardown(() => {
    globalThis.fetch = original
  })
  globalThis.fetch = async () => {
    throw new Error('Headers Timeout Error')
  }
  const { url } = server
  await t.rejects(createClient({ url }).invoke('a::b::c'), { message: /Headers Timeout/ })
  t.match(await run(['invoke', 'a::b::c', '--timeout', '1h', '--url', url]), {
    code: 0,
    stdout: '"late"\n',
  })
})
