import t, { type Test } from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { problemSchema } from '../../src/protocol/problem.ts'
import { packageRowSchema } from '../../src/protocol/status.ts'
import { whyAnswerSchema } from '../../src/protocol/why.ts'
import { answer, FakeExecutor, packageRow, untilAborted } from '../helpers/fake-executor.ts'
import { bodyOf, rawConnect, serve, statusOf, TOKEN, TASK, JSON_TYPE } from './serve.ts'

async function problemOf(
  test: Test,
  response: Response,
): Promise<ReturnType<typeof problemSchema.parse>> {
  test.equal(response.headers.get('content-type'), 'application/problem+json')
  const problem = problemSchema.parse(await response.json())
  test.equal(problem.status, response.status, 'the body repeats the status')
  test.notMatch(JSON.stringify(problem), /\.ts:\d|\bat .*node:/, 'no stack goes out')
  return problem
}

t.test('an invoke passes the body through as text and says what it ran on', async (t) => {
  const { server, executor } = await serve(t)
  const seen: unknown[] = []
  executor.onInvoke = async (namespace, body, { version, generation }) => {
    seen.push({ namespace, body, version, generation })
    return answer('{"big":12345678901234567890}')
  }
  const response = await fetch(`${server.url}${TASK}?version=%5E1.0.0&generation=7`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: '{ "a" : 1e400 }',
  })
  t.equal(response.status, 200)
  t.equal(await response.text(), '{"big":12345678901234567890}')
  t.equal(response.headers.get('headgate-version'), '1.2.0')
  t.equal(response.headers.get('headgate-generation'), '7')
  t.equal(response.headers.get('headgate-epoch'), '12')
  t.match(response.headers.get('content-type'), /^application\/json/)
  t.strictSame(seen, [
    {
      namespace: 'public::analytics::daily::extract',
      body: '{ "a" : 1e400 }',
      version: '^1.0.0',
      generation: 7,
    },
  ])
})

t.test('a workflow of a scoped package is invoked under its encoded name', async (t) => {
  const { server, executor } = await serve(t)
  let named = ''
  const bodies: string[] = []
  executor.onInvoke = async (namespace, body) => {
    named = namespace
    bodies.push(body)
    return answer(body)
  }
  const path = '/v1/tenants/acme/packages/%40scope%2Fname/workflows/daily/invoke'
  const response = await fetch(server.url + path, { method: 'POST' })
  t.equal(await response.text(), 'null')
  t.equal(named, 'acme::@scope/name::daily')
  const empty = await fetch(server.url + path, { method: 'POST', headers: JSON_TYPE, body: '' })
  t.equal(await empty.text(), 'null')
  t.strictSame(bodies, ['', ''], 'no body and an empty one are no input')
})

t.test('what an invoke is refused for is a problem document with a code', async (t) => {
  const { server, executor } = await serve(t, { maxPayloadBytes: 1_000 })
  executor.rows.set('public::analytics', packageRow('analytics'))
  const post = { method: 'POST', headers: JSON_TYPE, body: '{}' }
  const in_ = (tenant: string, name: string): string =>
    `/v1/tenants/${tenant}/packages/${name}/workflows/daily/invoke`
  const cases: [string, string, RequestInit, number, string][] = [
    ['a tenant with ::', in_('a%3A%3Ab', 'analytics'), post, 400, 'NAME_INVALID'],
    ['__proto__', in_('__proto__', 'analytics'), post, 400, 'NAME_INVALID'],
    ['upper case', in_('public', 'Analytics'), post, 400, 'NAME_INVALID'],
    ['a path part', in_('public', '..%2F..'), post, 400, 'NAME_INVALID'],
    ['a very long name', in_('public', 'x'.repeat(300)), post, 400, 'NAME_INVALID'],
    ['an unknown path', '/v1/nothing', { method: 'GET' }, 404, 'HTTP_NOT_FOUND'],
    ['a bad escape', '/v1/tenants/%zz/packages/a', { method: 'GET' }, 404, 'HTTP_NOT_FOUND'],
    ['an unknown package', '/v1/tenants/public/packages/analytcs', {}, 404, 'UNKNOWN_PACKAGE'],
    ['a wrong method', TASK, { method: 'PUT' }, 405, 'HTTP_METHOD'],
    ['a read by POST', '/v1/packages', { ...post }, 405, 'HTTP_METHOD'],
    [
      'text',
      TASK,
      { ...post, headers: { 'content-type': 'text/plain' } },
      415,
      'HTTP_CONTENT_TYPE',
    ],
    [
      'another charset',
      TASK,
      { ...post, headers: { 'content-type': 'application/json; charset=latin1' } },
      415,
      'HTTP_CONTENT_TYPE',
    ],
    [
      'compression',
      TASK,
      { ...post, headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } },
      400,
      'HTTP_BODY_INVALID',
    ],
    ['not UTF-8', TASK, { ...post, body: new Uint8Array([34, 255, 34]) }, 400, 'INPUT_NOT_JSON'],
    ['a long body', TASK, { ...post, body: `"${'x'.repeat(1_000)}"` }, 413, 'PAYLOAD_TOO_LARGE'],
    ['a version that is none', `${TASK}?version=latest!`, post, 400, 'OPTION_INVALID'],
    ['generation zero', `${TASK}?generation=0`, post, 400, 'OPTION_INVALID'],
    ['two versions', `${TASK}?version=1&version=2`, post, 400, 'OPTION_INVALID'],
    ['a mistyped parameter', `${TASK}?verion=1`, post, 400, 'OPTION_INVALID'],
    ['a limit over the limit', '/v1/receipts?limit=1001', {}, 400, 'OPTION_INVALID'],
  ]
  for (const [name, path, init, status, code] of cases) {
    const response = await fetch(server.url + path, init)
    const problem = await problemOf(t, response)
    t.equal(problem.code, code, name)
    t.equal(response.status, status, name)
  }
  const nearest = await fetch(`${server.url}/v1/tenants/public/packages/analytcs`)
  t.match(await problemOf(t, nearest), {
    detail: /did you mean analytics/,
    details: { package: 'analytcs', nearest: [/^analytics/] },
  })
  const option = await fetch(`${server.url}${TASK}?verion=1`, post)
  t.match((await problemOf(t, option)).detail, /did you mean version/)
  const method = await fetch(server.url + TASK, { method: 'DELETE' })
  t.equal(method.headers.get('allow'), 'POST')
})

t.test("the executor's own errors keep code, details and status", async (t) => {
  const { server, executor } = await serve(t)
  executor.onInvoke = async () => {
    throw new HeadgateError('QUEUE_FULL', { package: 'a', tenant: 'b', limit: 9, stack: 'secret' })
  }
  const response = await fetch(server.url + TASK, { method: 'POST' })
  t.equal(response.status, 429)
  t.equal(response.headers.get('retry-after'), '1')
  const problem = await problemOf(t, response)
  t.match(problem, { code: 'QUEUE_FULL', retryable: true, details: { limit: 9 } })
  t.notOk('stack' in (problem.details ?? {}))
})

t.test('a fault inside is logged with an id, and the client is told only the id', async (t) => {
  const logged: Record<string, unknown>[] = []
  const quiet = (): void => {}
  const { server, executor } = await serve(t, {
    logger: {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (fields) => void logged.push({ ...fields }),
    },
  })
  executor.onInvoke = async () => {
    throw new TypeError('the password is hunter2')
  }
  const response = await fetch(server.url + TASK, { method: 'POST' })
  t.equal(response.status, 500)
  const problem = await problemOf(t, response)
  t.equal(problem.code, 'INTERNAL')
  t.notMatch(JSON.stringify(problem), /hunter2/)
  t.equal(logged.length, 1)
  t.equal(logged[0]?.['id'], problem.details?.['id'])
  t.match(String(logged[0]?.['err']), /hunter2/)
})

t.test('a client that goes away aborts its invoke, one that has its answer does not', async (t) => {
  const { server, executor } = await serve(t)
  const begun = Promise.withResolvers<AbortSignal>()
  executor.onInvoke = (_namespace, _body, { signal }) => {
    if (signal !== undefined) begun.resolve(signal)
    return untilAborted(signal)
  }
  const leave = new AbortController()
  const call = fetch(server.url + TASK, { method: 'POST', signal: leave.signal })
  const signal = await begun.promise
  leave.abort()
  await t.rejects(call)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
  t.match(signal.reason, { code: 'TASK_ABORTED' })

  let late: AbortSignal | undefined
  executor.onInvoke = async (_namespace, body, options) => {
    late = options.signal
    return answer(body)
  }
  await (await fetch(server.url + TASK, { method: 'POST' })).text()
  await server.close()
  t.equal(late?.aborted, false)
})

t.test(
  '100 MB are answered 413 and the connection closed, streamed or with a length',
  async (t) => {
    const { server } = await serve(t)
    const total = 100 * 1024 * 1024
    const block = Buffer.alloc(1024 * 1024, 0x20)
    for (const framing of [`content-length: ${total}`, 'transfer-encoding: chunked']) {
      const { socket, text } = rawConnect(t, server.port)
      socket.write(
        `POST ${TASK} HTTP/1.1\r\nhost: localhost:${server.port}\r\n` +
          `content-type: application/json\r\n${framing}\r\n\r\n`,
      )
      const chunked = framing.includes('chunked')
      for (let sent = 0; sent < total && !socket.destroyed; sent += block.length) {
        if (chunked) socket.write(`${block.length.toString(16)}\r\n`)
        const more = socket.write(block)
        if (chunked) socket.write('\r\n')
        if (!more) {
          await new Promise<void>((resolve) => {
            socket.once('drain', resolve)
            socket.once('close', () => resolve())
          })
        }
      }
      if (chunked && !socket.destroyed) socket.write('0\r\n\r\n')
      const answered = await text
      t.equal(statusOf(answered), 413, framing)
      t.equal(bodyOf(answered)['code'], 'PAYLOAD_TOO_LARGE')
      t.match(answered, /connection: close/i)
    }
    t.equal((await fetch(`${server.url}/livez`)).status, 200)
  },
)

t.test('reads answer rows, pages and health', async (t) => {
  const { server, executor } = await serve(t)
  executor.rows.set('public::analytics', packageRow('analytics'))
  for (let epoch = 1; epoch <= 5; epoch++) executor.swap(epoch)
  for (let i = 0; i < 5; i++) executor.append()
  const read = async (path: string): Promise<Record<string, unknown>> =>
    (await fetch(server.url + path)).json() as Promise<Record<string, unknown>>

  t.match(await read('/v1/packages'), { packages: [{ package: 'analytics' }] })
  packageRowSchema.parse(await read('/v1/tenants/public/packages/analytics'))
  const why = '/v1/tenants/public/packages/analytics/why'
  t.match(whyAnswerSchema.parse(await read(`${why}?version=1.2.0`)), {
    versions: [{ version: '1.2.0' }],
  })
  t.match(await read(`${why}?version=9.9.9`), { code: 'NO_MATCHING_VERSION', status: 404 })
  t.match(await read(`${why}?vresion=1`), {
    code: 'OPTION_INVALID',
    detail: /did you mean version/,
  })
  t.match(await read('/v1/executor'), { boot: 'boot-1', watch: { state: 'ok', watches: 3 } })
  t.match(await read('/v1/receipts?limit=2'), { receipts: [{ epoch: 5 }, { epoch: 4 }], next: 4 })
  t.match(await read('/v1/receipts?limit=9&before=3'), { receipts: [{ epoch: 2 }, {}], next: null })
  t.match(await read('/v1/receipts?tenant=other'), { receipts: [], next: null })
  t.match(await read('/v1/control?since=3&limit=1'), { entries: [{ seq: 4 }], next: 4 })
  t.match(await read('/v1/control?since=5'), { entries: [], next: 5 })
  t.match(await read('/v1/control?newest=true&limit=2'), {
    entries: [{ seq: 4 }, { seq: 5 }],
    next: 5,
  })
  t.match(await read('/v1/control?newest=yes'), { code: 'OPTION_INVALID' })
  t.equal((await fetch(`${server.url}/readyz`)).status, 200)
  executor.state = 'starting'
  const notReady = await fetch(`${server.url}/readyz`)
  t.equal(notReady.status, 503)
  t.strictSame(await notReady.json(), { state: 'starting' })
  executor.state = 'ready'
  executor.store = { state: 'failing', reason: 'the disk is full', waiting: 3 }
  const failing = await fetch(`${server.url}/readyz`)
  t.equal(failing.status, 503)
  t.strictSame(await failing.json(), { state: 'store failing' })
  t.match(await read('/v1/executor'), { store: { reason: 'the disk is full', waiting: 3 } })
  t.equal((await fetch(`${server.url}/livez`)).status, 200)
  t.equal((await fetch(`${server.url}/livez`, { method: 'HEAD' })).status, 200)
})

t.test('a version is promoted with the token, and by an exact name only', async (t) => {
  const { server, executor } = await serve(t)
  executor.rows.set('public::analytics', packageRow('analytics'))
  const authorization = { authorization: `Bearer ${TOKEN}` }
  const promote = (
    body: string,
    headers: Record<string, string> = authorization,
    name = 'analytics',
  ): Promise<Response> =>
    fetch(`${server.url}/v1/tenants/public/packages/${name}/promote`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...headers },
      body,
    })
  const good = '{"version":"1.1.0"}'
  const cases: readonly [string, Promise<Response>, number, string][] = [
    ['no token', promote(good, {}), 401, 'TOKEN_REFUSED'],
    ['another token', promote(good, { authorization: 'Bearer x' }), 401, 'TOKEN_REFUSED'],
    ['no JSON', promote('{'), 400, 'HTTP_BODY_INVALID'],
    ['no version', promote('{}'), 400, 'HTTP_BODY_INVALID'],
    ['an unknown key', promote('{"version":"1.1.0","force":true}'), 400, 'HTTP_BODY_INVALID'],
    ['an unknown package', promote(good, authorization, 'analytcs'), 404, 'UNKNOWN_PACKAGE'],
  ]
  for (const [name, answered, status, code] of cases) {
    const response = await answered
    t.equal(response.status, status, name)
    t.equal((await problemOf(t, response)).code, code, name)
  }
  t.strictSame(executor.promotions, [])
  const promoted = await promote(good)
  t.equal(promoted.status, 200)
  packageRowSchema.parse(await promoted.json())
  t.strictSame(executor.promotions, [
    { tenant: 'public', package: 'analytics', version: '1.1.0', actor: 'http' },
  ])
})

t.test('the API document names every route and resolves its own references', async (t) => {
  const { server } = await serve(t)
  const text = await (await fetch(`${server.url}/openapi.json`)).text()
  const document = JSON.parse(text)
  t.equal(document.openapi, '3.1.0')
  t.ok(document.paths['/v1/tenants/{tenant}/packages/{package}/workflows/{workflow}/invoke'].post)
  t.match(document.paths['/v1/tenants/{tenant}/packages/{package}/versions/{version}'].put, {
    parameters: [{}, {}, {}, { name: 'content-digest', in: 'header', required: true }],
    requestBody: { content: { 'application/gzip': {}, 'application/octet-stream': {} } },
    responses: { 200: {}, 201: {}, default: {} },
    security: [{ token: [] }],
  })
  t.match(document.components.securitySchemes, { token: { type: 'http', scheme: 'bearer' } })
  const open = document.paths['/v1/tenants/{tenant}/packages/{package}/workflows/{workflow}/invoke']
  t.notOk('security' in open.post, 'calls need no token')
  t.match(document.paths['/v1/tenants/{tenant}/packages/{package}/promote'].post, {
    security: [{ token: [] }],
    requestBody: { required: true },
  })
  t.equal(Object.keys(document.paths).length, 13)
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    t.ok(document.components.schemas[name ?? ''], `${name} exists`)
  }
})

t.test('a host that is not loopback and a port in use are refused', async (t) => {
  const { server } = await serve(t)
  const options = {
    executor: new FakeExecutor(),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    version: '0.1.0',
    token: TOKEN,
  }
  const { startServer } = await import('../../src/server/start-server.ts')
  for (const host of ['0.0.0.0', '::', 'example.com', '10.0.0.1', '']) {
    await t.rejects(startServer({ ...options, host, port: 0 }), { code: 'HOST_REFUSED' })
  }
  await t.rejects(startServer({ ...options, host: 'localhost', port: server.port }), {
    code: 'PORT_IN_USE',
    details: { port: server.port },
  })
})
