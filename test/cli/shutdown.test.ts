/** How `headgate start` ends while something runs that takes long, or for ever. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { findUrl } from '../../src/cli/endpoint.ts'
import { start } from './started.ts'

const HOLD = {
  hold: 'return (await fetch(ctx.input)).text()',
  say: 'return "said"',
}

t.test('while running calls finish, the port stays open and says why not', async (t) => {
  const gate = createServer().listen(0, '127.0.0.1')
  t.teardown(() => gate.close())
  await once(gate, 'listening')
  const input = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`
  const hold = { name: 'sums', tasks: HOLD }
  const started = await start(t, hold, ['--permissions', 'off'])
  const { child, client, ended, logged, url, dataDir } = started
  t.match(await fetch(`${url}/readyz`), { status: 200 })
  const arrived = once(gate, 'request') as Promise<[unknown, ServerResponse]>
  const holding = client.invoke('public::sums::w::hold', { input })
  const [, response] = await arrived
  child.kill('SIGTERM')
  await logged('draining')
  const readiness = await fetch(`${url}/readyz`)
  t.match(readiness, { status: 503 })
  t.equal(readiness.headers.get('connection'), 'close')
  t.strictSame(await readiness.json(), { state: 'closing' })
  t.match(await fetch(`${url}/livez`), { status: 200 })
  t.equal(findUrl({ data: dataDir }, {}), url, 'the other commands still find it')
  await t.rejects(client.invoke('public::sums::w::say'), { code: 'EXECUTOR_CLOSING' })
  response.end('held')
  t.equal(await holding, 'held')
  t.match(await ended, { code: 0, signal: null })
  await t.rejects(client.executor(), { code: 'UNREACHABLE' })
})

const NATIVE = {
  short: {
    run: `(await import('node:crypto')).pbkdf2Sync('a', 'b', 2 ** 31 - 1, 64, 'sha512')`,
    options: { timeout: '200ms' },
  },
  long: {
    run: `ctx.log.info('deriving')
      await new Promise((done) => setTimeout(done, 100))
      const { pbkdf2Sync } = await import('node:crypto')
      pbkdf2Sync('a', 'b', 2 ** 31 - 1, 64, 'sha512')`,
  },
}

t.test('a thread in a native call that does not end holds nothing up', async (t) => {
  const { child, client, ended } = await start(t, { name: 'sums', tasks: NATIVE })
  await t.rejects(client.invoke('public::sums::w::short'), { code: 'TASK_TIMEOUT' })
  child.kill('SIGTERM')
  t.match(await ended, { code: 0, signal: null })
})

t.test('nor does it when a second signal comes', async (t) => {
  const { child, client, ended, logged } = await start(t, { name: 'sums', tasks: NATIVE })
  const deriving = client.invoke('public::sums::w::long').catch((error: unknown) => error)
  await logged('deriving')
  child.kill('SIGTERM')
  await logged('draining')
  const again = setInterval(() => child.kill('SIGTERM'), 50)
  await logged('ending at once')
  clearInterval(again)
  t.match(await ended, { code: 143 })
  t.match(await deriving, { name: 'HeadgateError' })
})
