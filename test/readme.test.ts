/** The README's code runs: what it tells a user to type is typed here, against a real executor. */

import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { createClient } from '../src/client/client.ts'
import { ERRORS } from '../src/base/errors.ts'

const ROOT = join(import.meta.dirname, '..')
const SHIM = join(ROOT, 'src', 'cli', 'headgate.js')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

interface Block {
  readonly language: string
  readonly label: string
  readonly text: string
}

const blocks: Block[] = [...README.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', label = '', text = '']) => ({ language, label, text }),
)

function labelled(label: string): readonly Block[] {
  const found = blocks.filter((block) => block.label === label)
  if (found.length === 0) throw new Error(`README.md has no block labelled ${label}`)
  return found
}

/**
 * Where a reader is: in a clone, with the samples in packages-dir, or where the section Install ends,
 * with nothing in it. Its `npx` runs this repository's headgate.
 */
function workspace(place: 'clone' | 'installed'): string {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-readme-'))
  if (place === 'clone') {
    cpSync(join(ROOT, 'packages-dir'), join(dir, 'packages-dir'), { recursive: true })
  } else mkdirSync(join(dir, 'packages-dir'))
  mkdirSync(join(dir, 'bin'))
  writeFileSync(
    join(dir, 'bin', 'npx'),
    `#!/bin/sh\nshift\nexec "${process.execPath}" "${SHIM}" "$@"\n`,
  )
  chmodSync(join(dir, 'bin', 'npx'), 0o755)
  return dir
}

async function start(t: Test, dir: string): Promise<{ url: string; process: ChildProcess }> {
  const child = spawn(process.execPath, [SHIM, 'start', '--port', '0', '--log-level', 'silent'], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/\S+/.exec(line)?.[0]
    if (url !== undefined) return { url, process: child }
  }
  throw new Error('headgate start ended before it was ready')
}

function stop(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.kill('SIGTERM')
  })
}

/** Runs a block as a user would; resolves with what it printed, throws when a line fails. */
function run(block: Block, dir: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const script = `set -e\n${block.text.replaceAll('http://127.0.0.1:7420', url)}`
    const child = spawn('bash', ['-c', script], {
      cwd: dir,
      env: {
        ...process.env,
        PATH: `${join(dir, 'bin')}:${process.env['PATH']}`,
        HEADGATE_URL: url,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.on('exit', (code) => {
      if (code === 0) resolve(out)
      else reject(new Error(`exit ${code}: ${block.text}\n${out}`))
    })
  })
}

/** Resolves when a row of the packages topic satisfies `accept`. */
async function seen(
  url: string,
  accept: (row: {
    tenant: string
    package: string
    activeVersion: string | null
    refusals: readonly unknown[]
  }) => boolean,
): Promise<void> {
  const done = new AbortController()
  await createClient({ url })
    .watch(
      'packages',
      (rows) => {
        for (const row of rows.values()) if (accept(row)) done.abort()
      },
      { signal: done.signal },
    )
    .catch((error: unknown) => {
      if (!done.signal.aborted) throw error
    })
}

t.test('the walk of the README works as written', async (t) => {
  const dir = workspace('clone')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const executor = await start(t, dir)
  const [look, drop, broken] = labelled('walk')
  if (look === undefined || drop === undefined || broken === undefined) throw new Error('3 blocks')
  t.match(await run(look, dir, executor.url), /generate_reports/)
  await run({ ...drop, text: drop.text.split('\n')[0] ?? '' }, dir, executor.url)
  await seen(executor.url, (row) => row.activeVersion === '2.2.0')
  const rest = drop.text.split('\n').slice(1).join('\n')
  t.match(await run({ ...drop, text: rest }, dir, executor.url), /2\.1\.0 \(g\d+\) -> 2\.2\.0/)
  await run({ ...broken, text: broken.text.split('\n')[0] ?? '' }, dir, executor.url)
  await seen(executor.url, (row) =>
    row.refusals.some(
      (one) => /2\.3\.0/.test(JSON.stringify(one)) && /GRAPH_INVALID/.test(JSON.stringify(one)),
    ),
  )
  const refused = await run(
    { ...broken, text: broken.text.split('\n').slice(1).join('\n') },
    dir,
    executor.url,
  )
  t.match(refused, /GRAPH_INVALID/)
  t.match(refused, /2\.2\.0\s+active/)
  t.equal(await stop(executor.process), 0)
})

t.test('publishing works as the README says', async (t) => {
  const dir = workspace('clone')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const executor = await start(t, dir)
  const [publish] = labelled('publish')
  if (publish === undefined) throw new Error('1 block')
  t.match(await run(publish, dir, executor.url), /published acme::[\s\S]*published globex::/)
  for (const tenant of ['acme', 'globex']) {
    await seen(executor.url, (row) => row.tenant === tenant && row.activeVersion === '2.1.0')
  }
  t.equal(await stop(executor.process), 0)
})

t.test('what needs the samples says that it is done in the clone', (t) => {
  const sections = README.split(/^(?=##+ )/m)
  const using = sections.filter((section) =>
    [...section.matchAll(/^```(?:sh|console).*\n([\s\S]*?)^```$/gm)].some(([, text = '']) =>
      /packages-dir\/\S*(analytics|marketing)/.test(text),
    ),
  )
  t.ok(using.length >= 4, 'the walk, archives, developing, packing')
  for (const section of using) t.match(section, /in the clone/i, section.slice(0, 40))
  t.end()
})

t.test('the package of the README type-checks, loads and answers as shown', async (t) => {
  const dir = workspace('installed')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const source = join(dir, 'greetings-1.0.0')
  for (const block of blocks.filter(({ label }) => label.startsWith('file='))) {
    const file = join(source, block.label.slice('file='.length))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, block.text)
  }
  const executor = await start(t, dir)
  const [drop] = labelled('drop-greetings')
  if (drop === undefined) throw new Error('1 block')
  await run(drop, dir, executor.url)
  await seen(executor.url, (row) => row.package === 'greetings' && row.activeVersion === '1.0.0')
  const [cli, http] = labelled('greet')
  if (cli === undefined || http === undefined) throw new Error('2 blocks')
  t.match(await run(cli, dir, executor.url), /Hello Grace[\s\S]*Hello Ada/)
  const answer = await run(http, dir, executor.url)
  t.match(answer, /200 OK/)
  t.match(answer, /headgate-version: 1\.0\.0/i)
  t.match(answer, /Hello Ada/)
  t.equal(await stop(executor.process), 0)
  const [local] = labelled('greet-local')
  if (local === undefined) throw new Error('1 block')
  t.match(
    await run(local, dir, executor.url),
    /find_people: \[info\] found \{"people":1\}[\s\S]*\{"say_hello":\{"lines":\["Hello Ada"\]\}\}/,
  )

  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(ROOT, join(dir, 'node_modules', 'headgate'))
  const tests = spawn(process.execPath, ['--test', 'greetings-1.0.0/test/*.test.ts'], {
    cwd: dir,
    env: {},
    stdio: 'pipe',
  })
  let tested = ''
  tests.stdout.on('data', (chunk: Buffer) => (tested += chunk.toString()))
  tests.stderr.on('data', (chunk: Buffer) => (tested += chunk.toString()))
  t.equal(await new Promise((resolve) => tests.on('close', resolve)), 0, tested)
  t.match(tested, /pass 3\b/)
  writeFileSync(
    join(dir, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      include: ['greetings-1.0.0/**/*'],
      compilerOptions: { typeRoots: [join(ROOT, 'node_modules', '@types')] },
    }),
  )
  const compiler = join(ROOT, 'node_modules', 'typescript', 'lib', 'tsc.js')
  const tsc = spawn(process.execPath, [compiler, '-p', dir], {
    // lib/tsc.js and a bare environment: the test runner's preload does not fit into bin/tsc.
    env: {},
    stdio: 'pipe',
  })
  let faults = ''
  tsc.stdout.on('data', (chunk: Buffer) => (faults += chunk.toString()))
  tsc.stderr.on('data', (chunk: Buffer) => (faults += chunk.toString()))
  const code = await new Promise((resolve) => tsc.on('exit', resolve))
  t.equal(faults, '')
  t.equal(code, 0)
})

t.test('packing, inspecting and comparing work as written', async (t) => {
  const dir = workspace('clone')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const [block] = labelled('pack')
  if (block === undefined) throw new Error('1 block')
  const out = await run(block, dir, 'http://127.0.0.1:9')
  t.match(out, join(dir, 'packed', 'analytics_pipeline-2.1.0.tgz'))
  t.match(out, /An executor takes it\./)
  t.match(out, /2\.2\.0 is enough/)
  const [sign] = labelled('sign')
  if (sign === undefined) throw new Error('1 block')
  t.match(await run(sign, dir, 'http://127.0.0.1:9'), /valid, trusted\n[^]*An executor takes it\./)
})

t.test('the library example of the README runs', async (t) => {
  const dir = workspace('installed')
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const target = join(dir, 'packages-dir', 'greetings')
  for (const block of blocks.filter(({ label }) => label.startsWith('file='))) {
    const file = join(target, block.label.slice('file='.length))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, block.text)
  }
  mkdirSync(join(dir, 'empty'))
  const [example] = labelled('run')
  const [register] = labelled('register')
  const source = `${example?.text}\n${register?.text}`.replaceAll(
    "'headgate'",
    `'${join(ROOT, 'src', 'index.ts')}'`,
  )
  writeFileSync(
    join(dir, 'example.ts'),
    `const emptyFolder = ${JSON.stringify(join(dir, 'empty'))}
const packagesDir = ${JSON.stringify(join(dir, 'packages-dir'))}
const dataDir = ${JSON.stringify(join(dir, 'data'))}
const greetingsFolder = ${JSON.stringify(target)}
const report = (receipt: unknown): void => console.error('receipt', receipt !== null)
${source}
console.log(JSON.stringify(answer), older.json, older.version)
console.log(name, version, description, author, fingerprint.length, ...tasks, JSON.stringify(people))
`,
  )
  const child = spawn(process.execPath, [join(dir, 'example.ts')], { cwd: dir, stdio: 'pipe' })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()))
  t.equal(await new Promise((resolve) => child.on('exit', resolve)), 0, out)
  t.match(out, '{"say_hello":{"lines":["Hello Ada"]}} {"say_hello":{"lines":["Hello Ada"]}} 1.0.0')
  t.match(
    out,
    /^greetings 1\.0\.0 .* 64 retail_co::greetings::welcome::find_people retail_co::greetings::welcome::say_hello .*Grace/m,
  )
})

t.test('the README lists every error, with its status and sentence', (t) => {
  const table = README.slice(README.indexOf('<!-- errors -->'), README.indexOf('<!-- /errors -->'))
  const rows = [...table.matchAll(/^\| `(\w+)` \| (\d+) \| (yes|no) \| (.*) \|$/gm)]
  t.same(
    rows.map(([, code, status, retry, message]) => [code, Number(status), retry, message]),
    Object.entries(ERRORS).map(([code, { status, retryable, message }]) => [
      code,
      status,
      retryable ? 'yes' : 'no',
      message,
    ]),
  )
  t.end()
})
