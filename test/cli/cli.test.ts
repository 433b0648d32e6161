import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { findUrl, writeEndpoint } from '../../src/cli/endpoint.ts'
import { exitCodeOf } from '../../src/cli/exit-codes.ts'
import { runCommand } from '../../src/cli/main.ts'
import { problemSchema } from '../../src/protocol/problem.ts'
import { whyAnswerSchema } from '../../src/protocol/why.ts'
import { packageRow, untilAborted } from '../helpers/fake-executor.ts'
import { serve, TOKEN } from '../server/serve.ts'
import { folder, run, SHIM, spawned } from './command.ts'

t.test('the shim runs the command and keeps its exit code', async (t) => {
  const [help, version, unknown, unreachable] = await Promise.all([
    spawned(['--help']),
    spawned(['--version']),
    spawned(['stauts']),
    spawned(['status', '--url', 'http://127.0.0.1:9']),
  ])
  t.equal(help.code, 0)
  for (const name of ['start', 'status', 'why', 'invoke', 'publish', 'receipts', 'log'])
    t.match(help.stdout, name)
  t.equal(help.stderr, '')
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(unknown, { code: 2, stdout: '', stderr: /Did you mean status/ })
  t.match(unreachable, { code: 5, stdout: '', stderr: /^UNREACHABLE: .*npx headgate start/ })
})

t.test('an old Node is told in one line, or replaced by the Node of the checkout', async (t) => {
  const dir = folder(t)
  const old = join(dir, 'old.cjs')
  const versions = "{ value: { ...process.versions, node: '18.0.0' } }"
  writeFileSync(old, `Object.defineProperty(process, 'versions', ${versions})`)
  const alone = join(dir, 'src', 'cli', 'headgate.js')
  mkdirSync(dirname(alone), { recursive: true })
  writeFileSync(join(dir, 'package.json'), '{"type": "module"}')
  copyFileSync(SHIM, alone)
  const [told, replaced] = await Promise.all([
    spawned(['status'], dir, ['-r', old, alone]),
    spawned(['status', '--url', 'http://127.0.0.1:9'], dir, ['-r', old, SHIM]),
  ])
  // tap's preload warns on what it takes for an old Node.
  t.match(told, { code: 1, stdout: '', stderr: /^NODE_UNSUPPORTED: Node 18\.0\.0 .*24.*\n/ })
  t.match(replaced, { code: 5, stderr: /^UNREACHABLE/m }, 'with the exit code of the command')
})

t.test('usage errors exit 2 and say what is possible', async (t) => {
  for (const args of [
    [],
    ['status', '--nonsense'],
    ['invoke'],
    ['start', '--port', '70000'],
    ['start', '--max-threads', '0'],
    ['start', '--log-level', 'loud'],
    ['invoke', 'a::b::c', '--input', '-', '--body', '1'],
    ['receipts', '--limit', '0'],
  ]) {
    const { code, stdout } = await run(args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
  }
  t.match(await run(['invoke', 'a::b::c', '--timeout', 'soon', '--url', 'http://127.0.0.1:9']), {
    code: 2,
    stderr: /OPTION_INVALID: option --timeout/,
  })
  t.match(await run(['status', '--url', 'nowhere']), { code: 2, stderr: /OPTION_INVALID/ })
})

t.test('start refuses what it cannot use, in one line', async (t) => {
  const { server } = await serve(t)
  const dir = folder(t)
  const config = join(dir, 'config.json')
  writeFileSync(config, '{"tenants": {"public": {"packges": {}}}}')
  const badName = join(dir, 'name.json')
  writeFileSync(badName, '{"tenants": {"Public": {}}}')
  const start = ['start', '--packages', join(dir, 'p'), '--log-level', 'silent']
  const [port, host, key, name, missing] = await Promise.all([
    spawned([...start, '--data', join(dir, 'a'), '--port', String(server.port)], dir),
    spawned([...start, '--data', join(dir, 'b'), '--port', '0', '--host', '0.0.0.0'], dir),
    spawned([...start, '--data', join(dir, 'c'), '--port', '0', '--config', config], dir),
    spawned([...start, '--data', join(dir, 'd'), '--port', '0', '--config', badName], dir),
    spawned([...start, '--data', join(dir, 'e'), '--port', '0', '--config', join(dir, 'no')], dir),
  ])
  t.match(port, { code: 4, stderr: /^PORT_IN_USE: / })
  t.notOk(existsSync(join(dir, 'a', 'state.db')), 'it is told before an executor is started')
  t.match(host, { code: 4, stderr: /^HOST_REFUSED: / })
  t.match(key, { code: 2, stderr: /tenants\.public: unknown key "packges"; did you mean packages/ })
  t.match(name, { code: 2, stderr: /^NAME_INVALID: / })
  t.match(missing, { code: 2, stderr: /ENOENT/ })
  for (const { stdout } of [port, host, key, name, missing]) t.equal(stdout, '')
})

t.test('invoke writes the result on stdout and what it ran on on stderr', async (t) => {
  const { server, executor } = await serve(t)
  const dir = folder(t)
  const file = join(dir, 'input.json')
  writeFileSync(file, '{"from": "file"}')
  const url = ['--url', server.url]
  const name = 'public::analytics::daily'
  t.match(await run(['invoke', name, '--body', '{"big": 12345678901234567890}', ...url]), {
    code: 0,
    stdout: '{"big": 12345678901234567890}\n',
    stderr: 'version 1.2.0, generation g7, epoch 12\n',
  })
  t.match(await run(['invoke', name, '--input', file, ...url]), { stdout: '{"from": "file"}\n' })
  t.match(await run(['invoke', name, '--input', '-', ...url], { stdin: '[1]' }), {
    stdout: '[1]\n',
  })
  const json = await run(['invoke', name, '--json', ...url], { env: {} })
  t.strictSame(JSON.parse(json.stdout), {
    output: null,
    version: '1.2.0',
    generation: 7,
    epoch: 12,
  })

  executor.onInvoke = async () => {
    throw new HeadgateError('UNKNOWN_TASK', {
      workflow: 'daily',
      package: 'a',
      version: '1',
      task: 'x',
    })
  }
  t.match(await run(['invoke', name, ...url]), {
    code: 3,
    stdout: '',
    stderr: /^UNKNOWN_TASK: .*\n  /,
  })
  const failed = await run(['invoke', name, '--json', ...url])
  t.match(problemSchema.parse(JSON.parse(failed.stderr)), { code: 'UNKNOWN_TASK', status: 404 })

  executor.onInvoke = async () => {
    const cause = { name: 'TerminalError', cause: 'OUT_OF_STOCK', terminal: true }
    throw new HeadgateError('TASK_FAILED', { task: 'order', why: 'none left', ...cause })
  }
  t.match(await run(['invoke', name, ...url]), {
    code: 1,
    stderr: 'TASK_FAILED: task order failed: none left\n  TerminalError OUT_OF_STOCK\n',
  })

  executor.onInvoke = (_namespace, _body, { signal }) => untilAborted(signal)
  t.match(await run(['invoke', name, '--timeout', '20ms', ...url]), {
    code: 124,
    stderr: /^CALL_TIMEOUT: no answer within 20 ms/,
  })
  const interrupt = new AbortController()
  executor.onInvoke = (_namespace, _body, { signal }) => {
    interrupt.abort(new Error('interrupted'))
    return untilAborted(signal)
  }
  t.match(await run(['invoke', name, ...url], { interrupt: interrupt.signal }), { code: 130 })
})

t.test('status shows packages, generations, refusals and swaps', async (t) => {
  const { server, executor } = await serve(t)
  const [generation] = packageRow('a').generations
  executor.rows.set(
    'public::analytics',
    packageRow('analytics', {
      description: 'evil \u001b[31m title',
      held: { '1.3.0': 'rolled back' },
      generations: [
        { ...generation!, served: 1_234, p50Ms: 1.25, p99Ms: 40.2, exits: 3 },
        {
          ...generation!,
          generation: 6,
          version: '1.1.0',
          state: 'draining',
          blockers: ['daily::x 12 s'],
        },
      ],
      refusals: [
        {
          entry: 'analytics-1.4.0',
          stage: 'load',
          kind: 'rejected',
          tenant: 'public',
          package: 'analytics',
          version: '1.4.0',
          digest: null,
          error: { code: 'GRAPH_INVALID', message: 'workflow daily has a cycle', retryable: false },
          since: 1,
          again: 'change',
          retryAt: null,
        },
      ],
    }),
  )
  executor.swap(4, { drained: 3, killed: 0, lost: 0 })
  const url = ['--url', server.url]
  const { code, stdout } = await run(['status', ...url])
  t.equal(code, 0)
  t.notMatch(stdout, '\u001b', 'no colour and no escape of a package without a terminal')
  for (const part of [
    'headgate 0.1.0  ready  up 1 m 0 s',
    'public::analytics  1.2.0 (g7)  policy auto',
    /g7 +1\.2\.0 +active +30 s +1 +0 +1234 +0 +1\.25 ms +40 ms/,
    'g7 lost 3 threads that ended by themselves',
    'g6 waits for daily::x 12 s',
    'held 1.3.0: rolled back',
    'rejected analytics-1.4.0 1.4.0\n    GRAPH_INVALID: workflow daily has a cycle',
    '1.1.0 (g6) -> 1.2.0 (g7)  2 moved, 3 drained, 0 killed, 0 lost, 40 ms after it was found',
  ]) {
    t.match(stdout, part)
  }
  t.match(stdout, 'watch events, 3 folders')
  executor.watch = { state: 'degraded', mode: 'poll', reason: 'no file watches left (ENOSPC)' }
  const degraded = (await run(['status', ...url], { isTTY: true })).stdout
  t.match(degraded, 'watch degraded, poll: no file watches left (ENOSPC)')
  t.match(degraded, '\u001b[')
  t.notMatch(degraded, 'store failing')
  executor.store = { state: 'failing', reason: 'the disk is full', waiting: 3 }
  const full = await run(['status', ...url])
  t.match(full.stdout, 'store failing: the disk is full; 3 records wait')
  const noColor = await run(['status', ...url], { isTTY: true, env: { NO_COLOR: '1' } })
  t.notMatch(noColor.stdout, '\u001b')
  const one = await run(['status', 'public::analytics', ...url])
  t.match(one.stdout, /public::analytics::daily\n {4}extract[^]*swaps/, 'with its workflows')
  t.match(await run(['status', 'public::analytics::daily', ...url]), {
    code: 2,
    stderr: /^NAMESPACE_INVALID: public::analytics::daily .*write package or tenant::package/,
  })
  t.match(JSON.parse((await run(['status', '--json', ...url])).stdout), {
    executor: { boot: 'boot-1' },
    packages: [{ package: 'analytics' }],
    receipts: [{ epoch: 4 }],
  })
  t.match(await run(['status', 'analytcs', ...url]), { code: 3, stderr: /did you mean analytics/ })
  executor.append()
  t.match((await run(['log', ...url])).stdout, 'public::analytics@1.2.0#7  standby -> active')
  executor.swap(5)
  executor.swap(6, { cutOff: true })
  const swaps = (await run(['receipts', ...url])).stdout
  t.match(swaps, '#4  public::analytics')
  t.match(swaps, /#5 .* 3 in flight, draining,/)
  t.match(swaps, /#6 .* 3 in flight, cut off by the end of the executor,/)
})

t.test('promote names the version that serves then', async (t) => {
  const { server, executor } = await serve(t)
  executor.rows.set('public::analytics', packageRow('analytics'))
  const to = ['--url', server.url, '--token', TOKEN]
  t.match(await run(['promote', 'public::analytics@1.2.0', ...to]), {
    code: 0,
    stdout: 'public::analytics  1.2.0 (g7) serves, epoch 1\n',
  })
  t.match(executor.promotions, [{ tenant: 'public', package: 'analytics', version: '1.2.0' }])
  t.match(await run(['promote', 'analytics', ...to]), { code: 2, stderr: /name the version/ })
  t.match(await run(['promote', 'analytics@1.2.0', '--url', server.url]), {
    code: 4,
    stderr: /^TOKEN_REFUSED/,
  })
  const json = await run(['promote', 'analytics@1.2.0', '--json', ...to])
  t.match(JSON.parse(json.stdout), { activeVersion: '1.2.0' })
})

t.test('why says for what reason, and what is not known exits 3', async (t) => {
  const { server, executor } = await serve(t)
  executor.rows.set(
    'public::analytics',
    packageRow('analytics', { held: { '1.3.0': 'bad \u001b' } }),
  )
  executor.rows.set('acme::@acme/b', packageRow('@acme/b', { tenant: 'acme' }))
  const url = ['--url', server.url]
  t.match(await run(['why', 'analytics@1.2.0', ...url]), {
    code: 0,
    stderr: '',
    stdout: /^public::analytics@1\.2\.0 {2}active\n {2}It serves as g7 since .*: promoted\.\n/,
  })
  const json = await run(['why', 'public::analytics', '--json', ...url])
  t.equal(json.code, 0)
  t.match(whyAnswerSchema.parse(JSON.parse(json.stdout)), {
    package: 'analytics',
    versions: [{ version: '1.2.0', verdict: 'active', generation: 7 }],
  })
  for (const args of [['@acme/b', '--tenant', 'acme'], ['acme::@acme/b@1.2.0']]) {
    t.match((await run(['why', ...args, ...url])).stdout, 'acme::@acme/b@1.2.0  active')
  }
  const coloured = await run(['why', 'analytics', ...url], { isTTY: true })
  t.match(coloured.stdout, '\u001b[32mactive')
  t.match(await run(['why', 'analytcs', ...url]), { code: 3, stderr: /did you mean analytics/ })
  t.match(await run(['why', 'analytics@1.2.1', ...url]), {
    code: 3,
    stdout: '',
    stderr: /^NO_MATCHING_VERSION: .*present: 1\.2\.0/,
  })
  const problem = await run(['why', 'nothing', '--json', ...url])
  t.match(problemSchema.parse(JSON.parse(problem.stderr)), { code: 'UNKNOWN_PACKAGE' })
})

t.test('status --watch goes on until Ctrl-C and writes what changes', async (t) => {
  const { server, executor } = await serve(t)
  executor.rows.set('public::a', packageRow('a'))
  for (const more of [['--json'], []]) {
    const stop = new AbortController()
    const chunks: string[] = []
    const out = new PassThrough()
    out.on('data', (chunk) => {
      chunks.push(String(chunk))
      const text = chunks.join('')
      if (text.includes('1.9.9')) stop.abort()
      else if (/packages.*public|public::a/.test(text)) {
        executor.put(packageRow('a', { activeVersion: '1.9.9' }))
      }
    })
    const terminal = { stdin: new PassThrough(), stdout: out, stderr: new PassThrough(), env: {} }
    const args = ['status', '--watch', '--url', server.url, ...more]
    t.equal(await runCommand(args, terminal, stop.signal), 0)
    if (more.length > 0) {
      const lines = chunks.join('').trim().split('\n')
      for (const line of lines) t.match(JSON.parse(line), { topic: String, row: Object })
    }
    executor.put(packageRow('a'))
  }
})

t.test('the endpoint of a data dir is found, and a dead one is told', async (t) => {
  const dir = folder(t)
  t.equal(findUrl({ url: 'http://localhost:1/x' }, {}), 'http://localhost:1')
  t.equal(findUrl({}, { HEADGATE_URL: 'http://127.0.0.1:2' }), 'http://127.0.0.1:2')
  t.throws(() => findUrl({ data: dir }, {}), { code: 'UNREACHABLE', message: /no endpoint\.json/ })
  writeFileSync(join(dir, 'lock.pid'), `${process.pid}\n`)
  t.throws(() => findUrl({ data: dir }, {}), {
    message: new RegExp(`process ${process.pid} is starting, or about to end; ask again`),
  })
  rmSync(join(dir, 'lock.pid'))
  const endpoint = {
    url: 'http://127.0.0.1:3',
    pid: process.pid,
    version: '0.1.0',
    startedAt: 1,
    token: 't',
  }
  writeEndpoint(dir, endpoint)
  t.strictSame(JSON.parse(readFileSync(join(dir, 'endpoint.json'), 'utf8')), endpoint)
  t.equal(findUrl({ data: dir }, { HEADGATE_URL: 'http://x:1' }), 'http://127.0.0.1:3')
  const gone = spawn(process.execPath, ['-e', ''], { stdio: 'ignore', env: {} })
  await new Promise((resolve) => gone.on('close', resolve))
  writeEndpoint(dir, { ...endpoint, pid: gone.pid ?? 0 })
  t.throws(() => findUrl({ data: dir }, {}), { code: 'UNREACHABLE', message: /is gone/ })
  writeFileSync(join(dir, 'endpoint.json'), '{')
  t.throws(() => findUrl({ data: dir }, {}), { code: 'UNREACHABLE', message: /cannot be read/ })
})

t.test('exit codes follow the errors', async (t) => {
  const cases = [
    ['UNKNOWN_PACKAGE', 3],
    ['VERSION_CONFLICT', 4],
    ['UNREACHABLE', 5],
    ['TASK_TIMEOUT', 124],
    ['TASK_ABORTED', 130],
    ['TASK_FAILED', 1],
    ['WORKER_LOST', 1],
    ['NAME_INVALID', 2],
    ['INTERNAL', 1],
  ] as const
  for (const [code, exit] of cases) t.equal(exitCodeOf(new HeadgateError(code)), exit, code)
})
