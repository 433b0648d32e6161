/** `headgate start` as a process of its own, over the real executor. */

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createClient } from '../../src/client/client.ts'
import type { SwapReceiptRow } from '../../src/protocol/status.ts'
import { type Ended, run, SHIM } from './command.ts'
import { start } from './started.ts'

const promote = (dataDir: string, version: string): Promise<Ended> =>
  run(['promote', version, '--data', dataDir])

const TASKS = {
  add: 'return ctx.input.a + ctx.input.b',
  env: 'return Object.keys(process.env)',
  read: 'return (await import("node:fs")).readFileSync(ctx.input, "utf8")',
  wait: 'ctx.log.info("begun"); await new Promise((done) => setTimeout(done, 400)); return "done"',
  hang: 'ctx.log.info("hanging"); await new Promise((_, end) => { ctx.signal.onabort = () => end(new Error("aborted")) })',
}

t.test('start serves, swaps a dropped version, and drains at SIGTERM', async (t) => {
  const { child, client, drop, dataDir, ended, logged, url } = await start(t, {
    name: 'sums',
    tasks: TASKS,
  })
  t.strictSame(readdirSync(join(dataDir, 'cwd')), [])
  const endpoint = join(dataDir, 'endpoint.json')
  t.equal(statSync(endpoint).mode & 0o777, 0o600)
  await t.rejects(client.invoke('public::sums::w::read', { input: endpoint }), {
    code: 'TASK_FAILED',
    message: /ERR_ACCESS_DENIED|Access to this API/,
  })
  const body = JSON.stringify({ input: { a: 1, b: 2 } })
  t.match(await client.invokeJson('public::sums::w::add', body), { json: '3', version: '1.0.0' })
  t.strictSame(await client.invoke('public::sums::w::env'), [], 'no environment is passed on')
  await t.rejects(client.invoke('public::sums::w::ad'), { code: 'UNKNOWN_TASK' })
  await t.rejects(client.invokeJson('public::sums::w::add', '{'), { code: 'INPUT_NOT_JSON' })

  const stop = new AbortController()
  const swapped = new Promise<SwapReceiptRow>((resolve) => {
    void client.watch(
      'receipts',
      (_rows, { put }) => {
        const found = put.find((row) => row.to.version === '1.1.0')
        if (found !== undefined) resolve(found)
      },
      { signal: stop.signal },
    )
  })
  drop({ name: 'sums', version: '1.1.0', tasks: TASKS })
  t.match(await swapped, { from: { version: '1.0.0' } })
  stop.abort()
  t.match(await client.invokeJson('public::sums::w::add', body), { json: '3', version: '1.1.0' })
  t.match(await client.invokeJson('public::sums::w::add', body, { version: '1.0.0' }), {
    version: '1.0.0',
  })

  t.match(await promote(dataDir, 'sums@1.0.0'), { code: 0, stdout: /1\.0\.0 \(g\d+\) serves/ })
  t.match(await client.invokeJson('public::sums::w::add', body), { version: '1.0.0' })
  t.match(await promote(dataDir, 'sums@9.9.9'), { code: 3, stderr: /^NO_MATCHING_VERSION/ })

  const leave = new AbortController()
  const hanging = client.invoke('public::sums::w::hang', undefined, { signal: leave.signal })
  await logged('hanging')
  leave.abort()
  await t.rejects(hanging, { code: 'TASK_ABORTED' })

  const waiting = client.invoke('public::sums::w::wait')
  await logged('begun')
  child.kill('SIGTERM')
  t.equal(await waiting, 'done', 'what was begun is answered')
  t.match(await ended, { code: 0, signal: null })
  t.notOk(existsSync(join(dataDir, 'endpoint.json')))
  await t.rejects(createClient({ url }).executor(), { code: 'UNREACHABLE' })
})

t.test('a version that never loads keeps neither calls nor signals waiting', async (t) => {
  const hangs = { name: 'hangs', before: 'await new Promise(() => {})', tasks: TASKS }
  const { child, client, url, dataDir, drop, ended, logged } = await start(
    t,
    hangs,
    ['--log-level', 'info'],
    'listening',
  )
  drop({ name: 'sums', tasks: TASKS })
  await logged('"to":"active"')
  t.equal(await client.invoke('public::sums::w::add', { input: { a: 1, b: 2 } }), 3)
  const { status } = await fetch(`${url}/readyz`)
  t.equal(status, 503)
  t.match(await run(['status', '--data', dataDir]), { code: 5, stderr: /is starting/ })
  child.kill('SIGTERM')
  t.match(await ended, { code: 0, signal: null })
  t.notOk(existsSync(join(dataDir, 'endpoint.json')))
})

t.test('closing the terminal ends it in order', async (t) => {
  const { child, client, ended, logged, dataDir } = await start(t, { name: 'sums', tasks: TASKS })
  const waiting = client.invoke('public::sums::w::wait')
  await logged('begun')
  // What is written to a closed terminal fails.
  child.stdout?.destroy()
  child.stderr?.destroy()
  child.kill('SIGHUP')
  t.equal(await waiting, 'done', 'what was begun is answered')
  t.match(await ended, { code: 0, signal: null })
  t.notOk(existsSync(join(dataDir, 'endpoint.json')))
})

t.test('a second signal ends at once with the code of the signal', async (t) => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const { child, client, ended, logged, dataDir } = await start(t, { name: 'sums', tasks: TASKS })
    const hanging = client.invoke('public::sums::w::hang').catch((error: unknown) => error)
    t.notOk(await Promise.race([logged('hanging'), hanging]), 'it hangs')
    child.kill(signal)
    await logged('draining')
    // Signals within 300 ms are one key stroke; the second counts as soon as they are two.
    const again = setInterval(() => child.kill(signal), 50)
    t.match(await ended, { code }, signal)
    clearInterval(again)
    t.notOk(existsSync(join(dataDir, 'endpoint.json')))
    t.match(await hanging, { name: 'HeadgateError' })
  }
})

t.test(
  'two executors on one data dir: the second refuses and leaves the first alone',
  async (t) => {
    const { client, dataDir } = await start(t, { name: 'sums', tasks: TASKS })
    const args = [SHIM, 'start', '--data', dataDir, '--port', '0', '--log-level', 'silent']
    const second = spawn(process.execPath, args, {
      cwd: tmpdir(),
      env: {},
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let stderr = ''
    second.stderr.on('data', (chunk) => (stderr += chunk))
    const code = await new Promise((resolve) => second.on('close', resolve))
    t.equal(code, 4)
    t.match(stderr, /^DATA_DIR_IN_USE: /)
    t.ok(existsSync(join(dataDir, 'endpoint.json')))
    t.match(await client.executor(), { state: 'ready' })
  },
)
