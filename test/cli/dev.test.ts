/** `headgate dev` as a process of its own, over a copy of a sample. */

import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { within } from '../executor/helpers.ts'
import { folder, run, SHIM } from './command.ts'

const SAMPLE = join(import.meta.dirname, '../../packages-dir/analytics_pipeline-2.1.0')

/** Asks for signatures, which an author's own saves cannot have. */
const STRICT = join(import.meta.dirname, 'signatures-required.json')

interface Started {
  readonly child: ChildProcess
  readonly root: string
  /** The sample's folder. */
  readonly dir: string
  readonly ended: Promise<{ readonly code: number | null }>
  /** Resolves when the stream has written something that matches, after the last call that did. */
  said(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>
}

function start(t: Test, ...args: readonly string[]): Started {
  const root = folder(t)
  const dir = join(root, 'own')
  cpSync(SAMPLE, dir, { recursive: true })
  mkdirSync(join(root, 'tmp'))
  const child = spawn(process.execPath, [SHIM, 'dev', 'own', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], TMPDIR: join(root, 'tmp') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<{ code: number | null }>((resolve) =>
    child.once('close', (code) => resolve({ code })),
  )
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const texts = { stdout: '', stderr: '' }
  const checks = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString()
      for (const check of checks) check()
    })
  }
  const said: Started['said'] = (stream, pattern) => {
    const found = Promise.withResolvers<RegExpExecArray>()
    const check = (): void => {
      const match = pattern.exec(texts[stream])
      if (match === null) return
      checks.delete(check)
      texts[stream] = texts[stream].slice(match.index + match[0].length)
      found.resolve(match)
    }
    checks.add(check)
    check()
    void ended.then(() => found.reject(new Error(`ended; ${pattern} not in ${texts[stream]}`)))
    return within(`${pattern} in ${JSON.stringify(texts)}`, found.promise)
  }
  return { child, root, dir, ended, said }
}

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
  writeFileSync(file, text.replace(from, to))
}

t.test(
  'dev serves each save, tells faults by file and line, and leaves nothing behind',
  async (t) => {
    const { child, dir, ended, root, said } = start(t, '--data', 'data', '--config', STRICT)
    const [, url = ''] = await said('stdout', /serves \S+own at (http:\S+)\n/)
    await said(
      'stderr',
      /\d\d:\d\d:\d\d {2}source folder → 2\.1\.0-dev\.1 serving after \d+ ms \(bundle/,
    )
    const data = join(root, 'data')
    t.strictSame(readdirSync(data), ['endpoint.json'])
    const flow = 'public::analytics_pipeline::analytics_workflow'
    t.match(await run(['invoke', flow, '--data', data, '--body', '{"limit":1}']), {
      code: 0,
      stdout: /generate_reports/,
    })
    await said('stderr', /extract_data: \[debug\] extracted/)
    const workflow = join(dir, 'src/workflow.ts')
    edit(workflow, "'generate_reports'", "'make_reports'")
    await said('stderr', /changed src\/workflow\.ts → 2\.1\.0-dev\.2 serving after/)
    t.match(await run(['invoke', flow, '--url', url]), { stdout: /^\{"make_reports"/ })
    edit(workflow, "after: ['transform_data'", "after: ['transform_dta'")
    await said('stderr', /changed src\/workflow\.ts → GRAPH_INVALID; 2\.1\.0-dev\.2 serves on\n/)
    const line = readFileSync(workflow, 'utf8')
      .split('\n')
      .findIndex((one) => one.includes('_dta'))
    await said(
      'stderr',
      new RegExp(`^  own/src/workflow\\.ts:${line + 1}:\\d+: .*did you mean`, 'm'),
    )
    t.match(await run(['status', '--data', data]), { code: 0, stdout: /2\.1\.0-dev\.2/ })
    edit(workflow, 'transform_dta', 'transform_data')
    await said('stderr', /serving again after/)

    t.match(await run(['dev', dir, '--data', data]), { code: 4, stderr: /^DATA_DIR_IN_USE/ })
    child.kill('SIGINT')
    t.strictSame(await ended, { code: 0 })
    t.strictSame(readdirSync(data), [], 'nobody is sent to an executor that is gone')
    t.strictSame(readdirSync(join(root, 'tmp')), [], 'the temporary folder is removed')
  },
)

t.test('dev runs a workflow on each version, and speaks JSON', async (t) => {
  const args = ['--json', '--workflow', 'analytics_workflow', '--body', '{"limit":1}']
  const { child, dir, ended, said } = start(t, ...args)
  const next = async (type: string): Promise<unknown> =>
    JSON.parse((await said('stdout', new RegExp(`^\\{"type":"${type}".*\\}$`, 'm')))[0])
  t.match(await next('listening'), { dir })
  t.match(await next('serving'), { version: '2.1.0-dev.1', changed: [], ms: { total: Number } })
  t.match(await next('result'), { version: '2.1.0-dev.1', output: { generate_reports: {} } })
  writeFileSync(join(dir, 'src/csv.ts'), 'export const = 1\n')
  t.match(await next('refused'), {
    error: { code: 'BUNDLE_FAILED' },
    places: [{ file: join(dir, 'src/csv.ts'), line: 1, column: 14 }],
    servesOn: '2.1.0-dev.1',
  })
  cpSync(join(SAMPLE, 'src/csv.ts'), join(dir, 'src/csv.ts'))
  edit(join(dir, 'src/workflow.ts'), "workflow('analytics_workflow'", "workflow('other'")
  t.match(await next('serving'), { again: true, version: '2.1.0-dev.2' })
  t.match(await next('failed'), { error: { code: 'UNKNOWN_WORKFLOW' } })
  child.kill('SIGTERM')
  t.strictSame(await ended, { code: 0 })
})

t.test('dev refuses what is no folder before it starts anything', async (t) => {
  const root = folder(t)
  t.match(await run(['dev', join(root, 'nothing')]), { code: 3, stderr: /^PATH_NOT_FOUND/ })
  t.match(await run(['dev', root, '--port', 'x']), { code: 2 })
  t.match(await run(['dev', root, '--tenant', 'A b']), { code: 2, stderr: /^NAME_INVALID/ })
  t.notOk(existsSync(join(root, 'endpoint.json')))
})
