/**
 * headgate as its users get it: built, packed, installed into an empty folder, and used from there.
 *
 * `npm run test:installed`; no part of `npm test`, as npm may ask the registry.
 */

import { spawn } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { createClient } from '../../src/client/client.ts'

// Without a cache npm fetches some eighty packages.
t.setTimeout(150_000)

const ROOT = join(import.meta.dirname, '../..')
const root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-installed-')))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

const app = join(root, 'app')
const dist = join(root, 'dist')
const packagesDir = join(app, 'packages-dir')
mkdirSync(packagesDir, { recursive: true })

/** What a machine may need to reach its registry; the npm of another Node reads other settings. */
const NETWORK = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
const NPM = ['HOME', 'npm_config_cache', 'npm_config_registry', 'npm_config_userconfig']

/** This Node first; nothing of the npm or the test runner that may have started this test. */
const env: NodeJS.ProcessEnv = {
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
  ...Object.fromEntries(
    [...NPM, ...NETWORK, ...PROXIES, ...PROXIES.map((name) => name.toLowerCase())]
      .filter((name) => process.env[name] !== undefined)
      .map((name) => [name, process.env[name]]),
  ),
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(command: string, args: readonly string[], cwd = app): Promise<Ended> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** Fails the test, with all that was printed, when the command fails. */
async function succeed(
  t: Test,
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<Ended> {
  const ended = await run(command, args, cwd)
  if (ended.code !== 0) t.comment(ended.stdout, ended.stderr)
  t.equal(ended.code, 0, [command, ...args].join(' '))
  return ended
}

const QUIET = ['--prefer-offline', '--no-audit', '--no-fund']

const packedSchema = z.tuple([
  z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }),
])

t.test('the archive holds built code, types, templates, licence and README alone', async (t) => {
  await succeed(t, process.execPath, [join(ROOT, '.ci/build.ts'), dist])
  const packing = await succeed(t, 'npm', ['pack', dist, '--json', '--pack-destination', root])
  const [{ filename, files }] = packedSchema.parse(JSON.parse(packing.stdout))
  const paths = files.map(({ path }) => path)
  for (const path of ['LICENSE', 'README.md', 'package.json', 'lib/cli/headgate.js']) {
    t.ok(paths.includes(path), path)
  }
  const rest = paths.filter((path) => !/^(LICENSE|README\.md|package\.json)$/.test(path))
  t.same(
    rest.filter((path) => !/^(lib|templates|packages-dir)\//.test(path)),
    [],
    'nothing of another folder',
  )
  t.same(
    rest.filter((path) => path.startsWith('lib/') && !/\.(m?js|d\.ts)$/.test(path)),
    [],
    'no sources',
  )
  await succeed(t, 'npm', ['init', '--yes'])
  await succeed(t, 'npm', ['install', join(root, filename), ...QUIET])
})

t.test('its types hold without looking away, and its doors open', async (t) => {
  await succeed(t, 'npm', ['install', '--save-dev', 'typescript@7', '@types/node@26', ...QUIET])
  const doors = Object.keys(exportsOf(dist))
    .filter((path) => !path.endsWith('.json'))
    .map((path) => path.replace('.', 'headgate'))
  const lines = doors.map((door) => `console.log(Object.keys(await import('${door}')).length > 0)`)
  const text = `${lines.join('\n')}\n`
  writeFileSync(join(app, 'doors.mts'), text)
  const strict = ['--module', 'nodenext', '--target', 'es2024', '--strict', '--noEmit']
  await succeed(t, 'npx', ['tsc', ...strict, '--types', 'node', 'doors.mts'])
  const { stdout } = await succeed(t, process.execPath, ['doors.mts'])
  t.equal(stdout, 'true\n'.repeat(doors.length))
})

t.test('a Node that is too old is told so in one line', async (t) => {
  const shim = join(app, 'node_modules/.bin/headgate')
  for (const found of ['20.20.2', '24.8.0']) {
    const versions = `{ value: { ...process.versions, node: '${found}' } }`
    writeFileSync(join(app, 'old.cjs'), `Object.defineProperty(process, 'versions', ${versions})`)
    t.same(await run(process.execPath, ['-r', join(app, 'old.cjs'), shim, 'status']), {
      code: 1,
      stdout: '',
      stderr: `NODE_UNSUPPORTED: Node ${found} is too old: headgate needs 24.9 or newer\n`,
    })
  }
})

t.test('a new package passes its own checks, is dropped as it is, and answers', async (t) => {
  const created = await succeed(t, 'npx', ['headgate', 'init', 'my_package', '--json'])
  const { dir, next } = z
    .object({ dir: z.string(), next: z.array(z.string()) })
    .parse(JSON.parse(created.stdout))
  await succeed(t, 'npm', ['install', ...QUIET], dir)
  t.match((await succeed(t, 'npm', ['test'], dir)).stdout, /\bpass [1-9]/)
  await succeed(t, 'npm', ['run', 'typecheck'], dir)
  await succeed(t, 'npm', ['run', 'pack', '--', '--out', join(root, 'packed')], dir)
  t.same(readdirSync(join(root, 'packed')), ['my_package-0.1.0.tgz'])

  const { url, stop } = await start(t)
  const client = createClient({ url })
  const active = new AbortController()
  const taken = client.watch(
    'packages',
    (rows) => {
      for (const row of rows.values()) if (row.activeVersion === '0.1.0') active.abort()
    },
    { signal: active.signal },
  )
  cpSync(dir, join(packagesDir, 'my_package-0.1.0'), { recursive: true, verbatimSymlinks: true })
  await taken

  const last = next.at(-1) ?? ''
  const invoked = await succeed(t, 'bash', ['-c', last])
  t.match(JSON.parse(invoked.stdout), { rank_words: { total: 6, top: [{ word: 'be', count: 2 }] } })
  const answer = await fetch(
    `${url}/v1/tenants/public/packages/my_package/workflows/word_count/invoke`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"text": "to be or not to be"}',
    },
  )
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('headgate-version'), '0.1.0')
  await answer.body?.cancel()
  t.match(await client.executor(), { isolation: { permissions: 'on' } })
  t.equal(await stop(), 0)
})

async function start(t: Test): Promise<{ url: string; stop(): Promise<number | null> }> {
  const shim = join(app, 'node_modules/.bin/headgate')
  const child = spawn(process.execPath, [shim, 'start', '--port', '0', '--log-level', 'warn'], {
    cwd: app,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  t.teardown(() => void child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/\S+/.exec(line)?.[0]
    if (url === undefined) continue
    return {
      url,
      stop: () => {
        child.kill('SIGTERM')
        return ended
      },
    }
  }
  throw new Error('headgate start ended before it was ready')
}

function exportsOf(folder: string): Record<string, unknown> {
  const text = readFileSync(join(folder, 'package.json'), 'utf8')
  return z.object({ exports: z.record(z.string(), z.unknown()) }).parse(JSON.parse(text)).exports
}
