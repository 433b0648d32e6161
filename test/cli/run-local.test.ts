import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exitCodeOf } from '../../src/cli/exit-codes.ts'
import { HeadgateError } from '../../src/base/errors.ts'
import { refuseLeaks } from '../helpers/leaks.ts'
import { entryText, type PackageText, writeFiles } from '../helpers/package-files.ts'
import { type Ended, folder, run, SHIM } from './command.ts'

refuseLeaks(t)

const SAMPLE = join(import.meta.dirname, '../../packages-dir/analytics_pipeline-2.1.0')

/** A source folder outside the repository, without node_modules. */
function source(
  t: Parameters<typeof folder>[0],
  text: Omit<PackageText, 'name'> & { readonly permissions?: object },
): string {
  const dir = folder(t)
  const headgate = { entry: 'index.js', permissions: text.permissions ?? {} }
  const json = { name: 'p', version: '1.2.0', type: 'module', headgate }
  const files = {
    'package.json': JSON.stringify(json),
    'index.js': entryText({ name: 'p', ...text }),
  }
  writeFiles(dir, files)
  return dir
}

/** What was told of the run, without times. */
function told({ stderr }: Ended): readonly string[] {
  return stderr
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ after [\d.]+ ms/, ''))
}

t.test('where an error was thrown is said, of the package alone', async (t) => {
  const before = `function inner(names) {\n  return names.map(String)\n}`
  const dir = source(t, { before, tasks: { bad: 'return inner(ctx.input)' } })
  const { stderr } = await run(['run-local', dir, 'w', '--body', '5'])
  const at = stderr.slice(stderr.indexOf('TASK_FAILED: task'))
  t.match(at.split('\n'), [
    'TASK_FAILED: task bad failed: names.map is not a function',
    /^ {2}at inner \(.*index\.js:3:16\)$/,
    /^ {2}at .*run .*index\.js:\d+:\d+\)$/,
    '',
  ])
  t.equal(at.split('\n').length, 4)
})

t.test('a run is shown as it happens, and its result is alone on stdout', async (t) => {
  const dir = source(t, {
    before: `console.log('imported')`,
    also: `setup: ({ log }) => { log.info('set up') }, teardown: () => { process.stdout.write('torn down') }`,
    tasks: {
      fetch: {
        options: { retry: { attempts: 3, delay: '20ms', jitter: false, backoff: 'fixed' } },
        run: `
          console.log('try', ctx.attempt)
          if (ctx.attempt === 1) throw Object.assign(new Error('busy\\u001b[31m'), { code: 'BUSY' })
          ctx.log.warn({ n: 1 }, 'careful')
          ctx.progress(0.25, 'a quarter')
          return [ctx.input, ctx.tenant, ctx.package, ctx.version]`,
      },
      last: { options: { after: ['fetch'] }, run: `console.error('last'); return deps.fetch` },
    },
  })
  const ended = await run(['run-local', dir, 'w', '--body', '{"a":1}', '--tenant', 'acme'])
  t.equal(ended.code, 0)
  t.equal(ended.stdout, '{"last":[{"a":1},"acme","p","1.2.0"]}\n')
  t.same(told(ended), [
    'package: [stdout] imported',
    'package: [info] set up',
    'fetch: attempt 1 begins',
    'fetch: [stdout] try 1',
    'fetch: attempt 1 failed, BUSY: busy [31m; again in 20 ms',
    'fetch: attempt 2 begins',
    'fetch: [stdout] try 2',
    'fetch: [warn] careful {"n":1}',
    'fetch: 25 % a quarter',
    'fetch: attempt 2 succeeded',
    'last: attempt 1 begins',
    'last: [stderr] last',
    'last: attempt 1 succeeded',
    'package: [stdout] torn down',
  ])
})

t.test('a TypeScript folder runs, with the whole record as JSON', async (t) => {
  const input = join(folder(t), 'input.json')
  writeFileSync(input, '{"limit": 3}')
  const ended = await run(['run-local', SAMPLE, 'analytics_workflow', '--input', input, '--json'])
  t.equal(ended.code, 0)
  const record = JSON.parse(ended.stdout)
  t.match(record, {
    status: 'succeeded',
    output: { generate_reports: { json: { executive_summary: { flights: 3 } } } },
    error: null,
    startedAt: Number,
  })
  t.same(Object.keys(record.outputs), [
    'extract_data',
    'validate_data',
    'transform_data',
    'generate_reports',
  ])
  t.match(record.attempts[0], { task: 'extract_data', attempt: 1, outcome: 'succeeded' })
  t.equal(record.attempts.length, 4)
})

t.test('one task alone takes its input and what comes before it', async (t) => {
  const dir = source(t, {
    tasks: { a: 'return 1', b: { options: { after: ['a'] }, run: 'return [deps.a, ctx.input]' } },
  })
  const args = ['run-local', dir, 'w', '--task', 'b', '--input', '-']
  const ended = await run(args, { stdin: '{"deps":{"a":7},"input":"x"}' })
  t.match(ended, { code: 0, stdout: '[7,"x"]\n' })
  const lacking = await run(['run-local', dir, 'w', '--task', 'b'])
  t.match(lacking, { code: 4, stdout: '', stderr: /INPUT_INVALID: .*"deps" must hold a/ })
})

t.test('a task that fails is told, and ends the command with 1', async (t) => {
  const dir = source(t, {
    tasks: {
      a: `throw new TerminalError('NO_TEA', 'no more tea', { left: 0 })`,
      b: { options: { after: ['a'] }, run: 'return 1' },
      c: 'return ctx.invoke("public::p::w::d").catch((error) => error.code)',
      d: 'return 1',
      e: 'return ctx.invoke("public::other::w").catch((error) => error.code)',
    },
  })
  const plain = await run(['run-local', dir, 'w'])
  t.match(plain, { code: 1, stdout: '', stderr: /TASK_FAILED: task a failed: no more tea/ })
  const { code, stdout } = await run(['run-local', dir, 'w', '--json'])
  t.equal(code, 1)
  const record = JSON.parse(stdout)
  t.match(record, {
    status: 'failed',
    output: null,
    outputs: { c: 1, d: 1, e: 'UNKNOWN_PACKAGE' },
    error: { code: 'TASK_FAILED', details: { cause: 'NO_TEA', data: { left: 0 } } },
  })
  t.same(
    record.attempts.map(({ task }: { task: string }) => task),
    ['a', 'c', 'd', 'e'],
    'those of this run alone',
  )
})

t.test('a timeout ends with 124, also that of a task that never gives way', async (t) => {
  const dir = source(t, {
    tasks: {
      waits: {
        options: { timeout: '30ms' },
        run: `await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve)); console.log('aborted')`,
      },
      blocks: { options: { timeout: '30ms' }, run: `console.log('for ever'); for (;;);` },
    },
  })
  const [waits, blocks] = await Promise.all([
    run(['run-local', dir, 'w', '--task', 'waits']),
    run(['run-local', dir, 'w', '--task', 'blocks']),
  ])
  t.match(waits, { code: 124, stdout: '', stderr: /\nTASK_TIMEOUT: task waits .* 30 ms/ })
  t.match(waits.stderr, 'waits: [stdout] aborted')
  t.match(blocks, { code: 124, stdout: '', stderr: /\nTASK_TIMEOUT: task blocks .* 30 ms/ })
  t.match(blocks.stderr, 'blocks: [stdout] for ever')
})

t.test('configuration and secrets come from the file, the line and the environment', async (t) => {
  const dir = source(t, {
    also: `secrets: ['ONE', 'TWO', 'THREE']`,
    permissions: { env: ['SEEN'] },
    tasks: {
      a: 'return [ctx.config, ctx.secrets.ONE, ctx.secrets.TWO, ctx.secrets.THREE, process.env.SEEN, process.env.HIDDEN ?? null]',
    },
  })
  const config = join(folder(t), 'operator.json')
  const values = { config: { url: 'x' }, secrets: { ONE: 'file', TWO: 'file' } }
  writeFileSync(config, JSON.stringify({ tenants: { public: { packages: { p: values } } } }))
  const env = { THREE: 'variable', SEEN: 'yes', HIDDEN: 'no' }
  const args = ['run-local', dir, 'w', '--config', config]
  const ended = await run([...args, '--secret', 'TWO=a=b', '--secret', 'THREE'], { env })
  t.match(ended, { code: 0, stdout: '{"a":[{"url":"x"},"file","a=b","variable","yes",null]}\n' })
  const missing = await run(args)
  t.match(missing, { code: 4, stdout: '', stderr: /^CONFIG_MISSING: .*secret THREE/ })
  const unset = await run([...args, '--secret', 'THREE'])
  t.match(unset, { code: 2, stderr: /^OPTION_INVALID: .*no variable THREE/ })
})

t.test('what cannot run says why, with the code an executor would give', async (t) => {
  const good = source(t, { tasks: { fetch: 'return 1' } })
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[good, 'x'], 3, /^UNKNOWN_WORKFLOW: p@1\.2\.0 has no workflow x/],
    [[good, 'w', '--task', 'fecth'], 3, /^UNKNOWN_TASK: .*did you mean fetch/],
    [[good, 'w', '--body', '{'], 2, /^INPUT_NOT_JSON: /],
    [[good, 'w', '--body', '1', '--input', 'x'], 2, /cannot be used with/],
    [[good, 'w', '--input', join(good, 'gone.json')], 2, /^OPTION_INVALID: .*ENOENT/],
    [[join(good, 'gone'), 'w'], 2, /^OPTION_INVALID: .*is no folder/],
    [[folder(t), 'w'], 4, /^PACKAGE_JSON_MISSING: /],
    [
      [source(t, { before: 'throw new Error("broken")', tasks: { a: '' } }), 'w'],
      4,
      /^LOAD_FAILED: .*broken/,
    ],
    [
      [source(t, { tasks: { a: { options: { after: ['b'] }, run: '' } } }), 'w'],
      4,
      /^GRAPH_INVALID: /,
    ],
    [
      [source(t, { also: 'setup: () => { throw new Error("no db") }', tasks: { a: '' } }), 'w'],
      4,
      /^SETUP_FAILED: .*no db/,
    ],
    [
      [source(t, { before: 'process.exit(3)', tasks: { a: '' } }), 'w'],
      4,
      /^LOAD_FAILED: .*exit code 3/,
    ],
  ]
  await Promise.all(
    cases.map(async ([args, code, message]) => {
      const ended = await run(['run-local', ...args])
      t.match(ended, { code, stdout: '', stderr: message }, args.slice(1).join(' '))
    }),
  )
})

t.test('a package that ends its thread ends the run, and what it wrote is shown', async (t) => {
  const dir = source(t, {
    tasks: {
      exits: `process.stdout.write('bye'); process.exit(7)`,
      rejects: `Promise.reject(new Error('nobody looks')); await new Promise(() => {})`,
    },
  })
  const [exits, rejects] = await Promise.all([
    run(['run-local', dir, 'w', '--task', 'exits']),
    run(['run-local', dir, 'w', '--task', 'rejects']),
  ])
  t.match(exits, { code: 1, stdout: '', stderr: /WORKER_LOST: .*task exits.*exit code 7/ })
  t.match(exits.stderr, 'exits: [stdout] bye')
  t.match(rejects, { code: 1, stdout: '', stderr: /WORKER_LOST: .*rejects.*nobody looks/ })
})

t.test('a teardown that fails is told and changes nothing', async (t) => {
  const dir = source(t, {
    also: `teardown: () => { throw new Error('still open') }`,
    tasks: { a: 'return 1' },
  })
  const ended = await run(['run-local', dir, 'w'])
  t.match(ended, { code: 0, stdout: '{"a":1}\n', stderr: /teardown failed: still open/ })
})

t.test('Ctrl-C aborts the signal of what runs and exits 130', async (t) => {
  const dir = source(t, {
    also: `teardown: () => { console.log('torn down') }`,
    tasks: {
      a: `console.log('waiting'); await new Promise((resolve) => ctx.signal.addEventListener('abort', () => { console.log('aborted'); resolve() }))`,
    },
  })
  const child = spawn(process.execPath, [SHIM, 'run-local', dir, 'w'], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    const before = stderr
    stderr += chunk.toString()
    if (stderr.includes('waiting') && !before.includes('waiting')) child.kill('SIGINT')
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  t.equal(code, 130)
  t.match(stderr, /aborted[\s\S]*TASK_ABORTED: .*interrupted/)
  t.match(stderr, 'torn down')
  t.equal(exitCodeOf(new HeadgateError('TASK_ABORTED', { why: '' })), 130)
})

t.test('an interrupt before the package is ready ends it at once', async (t) => {
  const dir = source(t, { before: 'for (;;);', tasks: { a: '' } })
  const ended = await run(['run-local', dir, 'w'], {
    interrupt: AbortSignal.abort(new Error('no')),
  })
  t.match(ended, { code: 130, stdout: '', stderr: /^TASK_ABORTED: / })
})
