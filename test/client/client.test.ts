import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { backoffMs } from '../../src/client/backoff.ts'
import { createClient } from '../../src/client/client.ts'
import { TopicView } from '../../src/client/topic-view.ts'
import type { PackageRow } from '../../src/protocol/status.ts'
import { startServer } from '../../src/server/start-server.ts'
import { answer, FakeExecutor, packageRow, untilAborted } from '../helpers/fake-executor.ts'
import { serve, TOKEN } from '../server/serve.ts'

/** Collects what a watch says; `until` resolves with the first state that is accepted. */
class Collector<T> {
  readonly all: T[] = []
  readonly #waiting = new Set<() => void>()

  readonly push = (value: T): void => {
    this.all.push(value)
    for (const check of this.#waiting) check()
  }

  until(accept: (value: T) => boolean): Promise<T> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = this.all.find(accept)
        if (found === undefined) return
        this.#waiting.delete(check)
        resolve(found)
      }
      this.#waiting.add(check)
      check()
    })
  }
}

t.test('calls answer what the executor answers', async (t) => {
  const { server, executor } = await serve(t)
  executor.rows.set('public::analytics', packageRow('analytics'))
  executor.swap(3)
  executor.append()
  let asked: unknown
  executor.onInvoke = async (namespace, json, { version, generation }) => {
    asked = { namespace, version, generation }
    return answer(json)
  }
  const client = createClient({ url: server.url })
  t.strictSame(await client.invoke('public::@a/b::daily::x', { n: 1 }, { version: '^1.0.0' }), {
    n: 1,
  })
  t.match(asked, { namespace: 'public::@a/b::daily::x', version: '^1.0.0' })
  t.equal(await client.invoke('public::a::daily'), null)
  const misspelt = { versoin: '1.0.0' } as never
  await t.rejects(client.invoke('public::a::daily', {}, misspelt), {
    code: 'OPTION_INVALID',
    message: /versoin.*did you mean version/,
  })
  t.strictSame(await client.invokeJson('public::a::daily', '1e400', { generation: 7 }), {
    json: '1e400',
    version: '1.2.0',
    generation: 7,
    epoch: 12,
  })
  t.match(await client.packages(), [{ package: 'analytics' }])
  t.match(await client.package('public', 'analytics'), { activeVersion: '1.2.0' })
  t.match(await client.why('public', 'analytics', '1.2.0'), { versions: [{ verdict: 'active' }] })
  t.match(await client.receipts({ limit: 1 }), { receipts: [{ epoch: 3 }], next: 3 })
  t.match(await client.control({ since: 0, package: 'analytics' }), { entries: [{ seq: 1 }] })
  t.match(await client.executor(), { boot: 'boot-1' })
})

t.test("the executor's errors arrive as what they were", async (t) => {
  const { server, executor } = await serve(t)
  executor.onInvoke = async () => {
    throw new HeadgateError('QUEUE_FULL', { package: 'a', tenant: 'b', limit: 3 })
  }
  const client = createClient({ url: server.url })
  const error = await client.invoke('public::a::b').catch((thrown: unknown) => thrown)
  t.ok(error instanceof HeadgateError)
  t.match(error, { code: 'QUEUE_FULL', status: 429, retryable: true, details: { limit: 3 } })
  await t.rejects(client.package('public', 'nothing'), { code: 'UNKNOWN_PACKAGE' })
  await t.rejects(client.invoke('no::namespace'), { code: 'NAMESPACE_INVALID' })
})

t.test('nobody there, or somebody else, is UNREACHABLE', async (t) => {
  const { server } = await serve(t)
  await server.close()
  await t.rejects(createClient({ url: server.url }).packages(), {
    code: 'UNREACHABLE',
    message: /connection refused.*npx headgate start/,
  })
  const other = createServer((_request, response) => {
    response.writeHead(404, { connection: 'close' })
    response.end('<html>')
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  await t.rejects(createClient({ url: `http://127.0.0.1:${port}` }).packages(), {
    code: 'UNREACHABLE',
    message: /not headgate/,
  })
})

t.test('an answer that is none of headgate is UNREACHABLE, whatever its status', async (t) => {
  let text = ''
  let headers: Record<string, string> = {}
  const client = createClient({
    url: 'http://127.0.0.1:7420',
    fetch: async () => new Response(text, { headers }),
  })
  const calls: readonly [string, () => Promise<unknown>][] = [
    ['invoke', () => client.invoke('a::b::c')],
    ['packages', () => client.packages()],
    ['package', () => client.package('public', 'a')],
    ['why', () => client.why('public', 'a')],
    ['receipts', () => client.receipts()],
    ['control', () => client.control()],
    ['executor', () => client.executor()],
    [
      'publish',
      () => client.publish({ package: 'a', version: '1.0.0', archive: new Uint8Array() }),
    ],
  ]
  for (text of ['<html>', '', 'null', '[]', '{"ok":true}']) {
    for (const [name, call] of calls) {
      await t.rejects(call(), { code: 'UNREACHABLE', message: /not headgate/ }, `${name}: ${text}`)
    }
  }
  await t.rejects(client.invokeJson('a::b::c', ''), { message: /headgate-version/ })
  headers = { 'headgate-version': '1.0.0', 'headgate-generation': '1', 'headgate-epoch': '2' }
  text = '<html>'
  await t.rejects(client.invoke('a::b::c'), { code: 'UNREACHABLE', message: /not JSON/ })
  text = '{}'
  t.strictSame(await client.invoke('a::b::c'), {})
})

t.test('the signal of a client ends its calls', async (t) => {
  const { server, executor } = await serve(t)
  const leave = new AbortController()
  executor.onInvoke = (_namespace, _body, { signal }) => {
    leave.abort(new Error('the page is closed'))
    return untilAborted(signal)
  }
  const client = createClient({ url: server.url, signal: leave.signal })
  const ended = { code: 'TASK_ABORTED', message: /the page is closed/ }
  await t.rejects(client.invoke('a::b::c'), ended)
  await t.rejects(client.packages(), ended, 'and of later ones')
})

t.test('an aborted call rejects with the reason', async (t) => {
  const { server, executor } = await serve(t)
  const abort = new AbortController()
  executor.onInvoke = (_namespace, _body, { signal }) => {
    abort.abort(new HeadgateError('TASK_TIMEOUT', { task: 'a', timeoutMs: 1 }))
    return untilAborted(signal)
  }
  const call = createClient({ url: server.url }).invoke('a::b::c', 1, { signal: abort.signal })
  await t.rejects(call, { code: 'TASK_TIMEOUT' })
})

t.test('watches of one client share a connection and end with their signals', async (t) => {
  const { server, executor } = await serve(t)
  executor.rows.set('public::a', packageRow('a'))
  const client = createClient({ url: server.url })
  const stop = new AbortController()
  const packages = new Collector<readonly PackageRow[]>()
  const entries = new Collector<number>()
  const states = new Collector<string>()
  const ended = Promise.all([
    client.watch('packages', packages.push, {
      signal: stop.signal,
      onState: ({ kind }) => states.push(kind),
    }),
    client.watch('control', (rows) => rows.forEach((row) => entries.push(row.seq)), {
      signal: stop.signal,
      since: 0,
    }),
  ])
  await packages.until((rows) => rows.length === 1)
  executor.put(packageRow('b'))
  executor.append()
  await packages.until((rows) => rows.length === 2)
  await entries.until((seq) => seq === 1)
  executor.remove('public', 'a')
  await packages.until((rows) => rows.length === 1 && rows[0]?.package === 'b')
  t.strictSame(states.all, ['connecting', 'live'])
  stop.abort()
  await ended
})

t.test('a watch outlives its executor, and the log goes on where it was', async (t) => {
  const first = await serve(t)
  const { port, url } = first.server
  for (let i = 0; i < 3; i++) first.executor.append()
  const stop = new AbortController()
  const client = createClient({ url, random: () => 0 })
  const entries = new Collector<number>()
  const packages = new Collector<readonly PackageRow[]>()
  const states = new Collector<string>()
  const ended = Promise.all([
    client.watch('control', (rows) => rows.forEach((row) => entries.push(row.seq)), {
      signal: stop.signal,
      since: 0,
      onState: ({ kind }) => states.push(kind),
    }),
    client.watch('packages', packages.push, { signal: stop.signal }),
  ])
  await entries.until((seq) => seq === 3)
  await first.server.close()
  await states.until((kind) => kind === 'waiting')
  const next = new FakeExecutor()
  for (let i = 0; i < 5; i++) next.append()
  next.rows.set('public::new', packageRow('new'))
  const second = await startServer({
    executor: next,
    host: '127.0.0.1',
    port,
    logger: silentLogger,
    version: '0.1.0',
    token: TOKEN,
  })
  t.teardown(() => second.close())
  await packages.until((rows) => rows[0]?.package === 'new')
  await entries.until((seq) => seq === 5)
  t.strictSame(entries.all, [1, 2, 3, 4, 5], 'none twice, none left out')
  stop.abort()
  await ended
})

t.test('a refused subscription rejects its watch only', async (t) => {
  const { server } = await serve(t)
  const client = createClient({ url: server.url })
  const stop = new AbortController()
  const good = client.watch('packages', () => {}, { signal: stop.signal })
  await t.rejects(
    client.watch('packages', () => {}, { signal: stop.signal, maxHz: 99 }),
    {
      code: 'WS_PROTOCOL',
    },
  )
  stop.abort()
  await good
})

t.test('W1: a delta that does not continue the sequence is a gap', async (t) => {
  const told: string[][] = []
  const view = new TopicView({
    topic: 'packages',
    onRows: (rows) => told.push(rows.map((row) => row.package)),
  })
  const boot = 'boot-1'
  const frame = { id: 'w1', now: 1, boot }
  t.match(JSON.parse(view.subscribe('w1')), { type: 'subscribe', id: 'w1', topic: 'packages' })
  const part = (n: number, last: boolean, name: string): ReturnType<typeof view.apply> =>
    view.apply(
      { type: 'snapshot', ...frame, seq: 4, part: n, last, rows: [packageRow(name)] },
      boot,
    )
  const delta = (prev: number, name: string): ReturnType<typeof view.apply> =>
    view.apply(
      { type: 'delta', ...frame, prev, seq: prev + 1, put: [packageRow(name)], del: [] },
      boot,
    )
  t.equal(delta(0, 'early'), 'gap', 'before any snapshot')
  part(0, false, 'a')
  t.equal(part(2, true, 'c'), 'gap', 'a part is missing')
  part(0, false, 'a')
  t.strictSame(told, [], 'W2: nothing is shown before the last part')
  part(1, true, 'b')
  t.equal(delta(4, 'c'), 'applied')
  t.equal(delta(6, 'lost'), 'gap')
  view.apply({ type: 'gone', id: 'w1', reason: 'slow' }, boot)
  t.equal(delta(5, 'late'), 'gap', 'void until the next snapshot')
  t.strictSame(told, [
    ['a', 'b'],
    ['a', 'b', 'c'],
  ])
})

t.test('the wait before a reconnect grows from 0.25 s to at most 15 s', async (t) => {
  t.equal(
    backoffMs(0, () => 0),
    250,
  )
  t.equal(
    backoffMs(0, () => 1),
    500,
  )
  t.equal(
    backoffMs(3, () => 1),
    4_000,
  )
  t.equal(
    backoffMs(1_000, () => 1),
    15_000,
  )
})
