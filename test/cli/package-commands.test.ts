/** pack, inspect and diff as a person types them: streams, exit codes, working directory. */

import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { runCommand } from '../../src/cli/main.ts'
import { pack } from '../../src/packaging/pack.ts'
import { answering, type Files, listing, makeAuthor, own, REPOSITORY } from '../packaging/author.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function run(...args: readonly string[]): Promise<Ended> {
  return runUntil(new AbortController().signal, ...args)
}

async function runUntil(signal: AbortSignal, ...args: readonly string[]): Promise<Ended> {
  const stdin = new PassThrough()
  const out = new PassThrough()
  const err = new PassThrough()
  let stdout = ''
  let stderr = ''
  out.on('data', (chunk) => (stdout += chunk))
  err.on('data', (chunk) => (stderr += chunk))
  const before = process.cwd()
  const code = await runCommand(args, { stdin, stdout: out, stderr: err, env: {} }, signal)
  if (process.cwd() !== before) throw new Error('the working directory is another one')
  return { code, stdout, stderr }
}

const SAMPLES = join(REPOSITORY, 'packages-dir')
const SAMPLE = join(SAMPLES, 'analytics_pipeline-2.1.0')

t.test('pack writes where it is told, and answers one document with --json', async (t) => {
  const { root } = makeAuthor(t)
  const out = join(root, 'made', 'for', 'it')
  const text = await run('pack', SAMPLE, '--out', out)
  t.equal(text.code, 0)
  t.match(text.stdout, `${join(out, 'analytics_pipeline-2.1.0.tgz')}\n`)
  t.match(text.stdout, /package {6}analytics_pipeline@2\.1\.0/)
  t.match(text.stderr, /bundling src\/index\.ts\nimporting the bundle once/)
  const json = await run('pack', SAMPLE, '--out', out, '--json')
  const { digest, fingerprint, path } = JSON.parse(json.stdout)
  t.equal(fingerprint, `sha256:${digest}`)
  t.equal(path, join(out, 'analytics_pipeline-2.1.0.tgz'))
  t.match(text.stdout, fingerprint, 'the same twice')
  t.match(await run('pack', join(root, 'nothing')), { code: 3, stderr: /^PATH_NOT_FOUND/ })
  t.match(await run('pack', SAMPLE, '--out', join(SAMPLE, 'package.json')), {
    code: 2,
    stderr: /OPTION_INVALID: option --out/,
  })
})

t.test('pack sees the package as an executor does: the working directory is empty', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source(
    'reader',
    own(answering('1', `import { readFileSync } from 'node:fs'\nreadFileSync('package.json')\n`)),
  )
  process.chdir(dir)
  const refused = await run('pack', '.', '--out', author.root)
  t.match(refused, { code: 4, stdout: '', stderr: /LOAD_FAILED: own@1\.0\.0 failed to load/ })
})

t.test('every fault of the bundler is shown with its place', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source(
    'two',
    own(answering('[a, b]', `import a from 'a'\nimport b from 'b'\n`)),
  )
  t.match(await run('pack', dir, '--out', author.root), {
    code: 4,
    stderr:
      /BUNDLE_FAILED: .*and 1 more\)\n {2}src\/index\.ts:2:15: .*"a"\n {2}src\/index\.ts:3:15: .*"b"/,
  })
})

t.test('an interrupted command ends with 130', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('endless', own(answering('1', 'while (Date.now() > 0);\n')))
  const interrupted = AbortSignal.abort(new Error('interrupted'))
  for (const args of [
    ['pack', dir, '--out', author.root],
    ['inspect', dir],
    ['diff', dir, dir],
  ]) {
    t.match(await runUntil(interrupted, ...args), { code: 130, stderr: /^TASK_ABORTED/m })
  }
})

t.test('inspect shows the graph and the verdict of an executor', async (t) => {
  makeAuthor(t)
  const taken = await run('inspect', SAMPLE, '--tenant', 'acme')
  t.equal(taken.code, 0)
  t.match(
    taken.stdout,
    `acme::analytics_pipeline::analytics_workflow
  extract_data
  └─ validate_data
     └─ transform_data
        └─ generate_reports  (also after validate_data)

An executor takes it.`,
  )
  const refused = await run('inspect', join(SAMPLES, '.next', 'analytics_pipeline-2.3.0'))
  t.match(refused, {
    code: 4,
    stdout: /An executor refuses it: GRAPH_INVALID\n {2}.*did you mean transform_data\?/,
  })
  t.match(await run('inspect', SAMPLE, '--tenant', 'A'), { code: 2, stderr: /NAME_INVALID/ })
  t.match(await run('inspect', join(SAMPLES, 'none')), { code: 3, stderr: /PATH_NOT_FOUND/ })
})

t.test(
  'inspect tells a source folder from a packed one, and a damaged one from both',
  async (t) => {
    const author = makeAuthor(t)
    const dir = author.source(
      'asks',
      own(
        answering('1'),
        {},
        { headgate: { entry: 'src/index.ts', permissions: { env: ['TZ'] } } },
      ),
    )
    const { to, packed } = await author.pack(dir)
    const source = JSON.parse((await run('inspect', dir, '--json')).stdout)
    const whole = JSON.parse((await run('inspect', to, '--json')).stdout)
    const refusal = { code: 'PERMISSION_NOT_GRANTED' }
    t.match(source, { form: 'source folder', digest: packed.sourceDigest, refusal })
    t.match(whole, {
      form: 'packed folder',
      digest: packed.digest,
      fingerprint: `sha256:${packed.digest}`,
      interfaceDigest: packed.interfaceDigest,
      entry: 'src/index.js',
      permissions: { env: ['TZ'] },
      namespaces: ['public::own::w', 'public::own::w::t'],
      refusal,
    })
    t.equal(source.interfaceDigest, whole.interfaceDigest)
    t.match((await run('inspect', dir)).stdout, /asks for {5}variable TZ/)
    const { path } = await pack({ dir, out: author.root })
    const archive = JSON.parse((await run('inspect', path, '--json')).stdout)
    t.match(archive, { form: 'archive', digest: packed.digest, refusal })
    t.match(await run('diff', to, path), { code: 0, stdout: /the same version, byte for byte/ })
    const json = join(dir, 'package.json')
    t.match(await run('inspect', json), { code: 4, stdout: /refuses it: ARCHIVE_NOT_GZIP/ })
    const bundle = join(to, 'src', 'index.js')
    writeFileSync(bundle, `${readFileSync(bundle, 'utf8')} `)
    const damaged = await run('inspect', to, '--json')
    t.equal(damaged.code, 4)
    t.match(JSON.parse(damaged.stdout), { refusal: { code: 'DROP_INCOMPLETE' } })
  },
)

t.test('diff says what changed and whether the number is high enough', async (t) => {
  const author = makeAuthor(t)
  const next = join(SAMPLES, '.next', 'analytics_pipeline-2.2.0')
  const fine = await run('diff', SAMPLE, next)
  t.equal(fine.code, 0)
  t.match(fine.stdout, 'analytics_pipeline 2.1.0 -> 2.2.0')
  t.match(
    fine.stdout,
    /compatible {2}analytics_workflow::transform_data .* retry\.delayMs: 2000 is 1000/,
  )
  t.match(fine.stdout, /asks for a patch version, 2\.1\.1 at least: 2\.2\.0 is enough/)
  t.match(await run('diff', SAMPLE, SAMPLE), { code: 0, stdout: /the same version, byte for byte/ })
  t.match(await run('diff', next, SAMPLE), { code: 4, stdout: /2\.1\.0 is too low/ })

  const gone = join(author.root, 'gone')
  mkdirSync(gone)
  cpSync(SAMPLE, gone, { recursive: true })
  const workflow = join(gone, 'src', 'workflow.ts')
  const text = readFileSync(workflow, 'utf8').replaceAll("'transform_data'", "'transform'")
  writeFileSync(workflow, text.replaceAll('transform_data', 'transform'))
  const json = join(gone, 'package.json')
  writeFileSync(json, readFileSync(json, 'utf8').replace('2.1.0', '2.9.0'))
  const breaking = await run('diff', SAMPLE, (await author.pack(gone)).to, '--json')
  t.equal(breaking.code, 4)
  t.match(JSON.parse(breaking.stdout), {
    package: 'analytics_pipeline',
    previous: '2.1.0',
    next: '2.9.0',
    breaking: true,
    bump: 'major',
    lowest: '3.0.0',
    honoured: false,
  })
  const other = join(SAMPLES, 'marketing_campaigns-1.3.0')
  t.match(await run('diff', SAMPLE, other), { code: 2, stderr: /it is the package marketing/ })
  const broken = join(SAMPLES, '.next', 'analytics_pipeline-2.3.0')
  t.match(await run('diff', SAMPLE, broken), { code: 4, stderr: /GRAPH_INVALID/ })
})

t.test('inspect and diff give a package no permission it only asks for', async (t) => {
  const author = makeAuthor(t)
  const secret = join(author.root, 'secret')
  const loot = join(author.root, 'loot')
  writeFileSync(secret, 'the secret')
  const asks = { net: true, read: ['*'], write: ['*'] }
  const evil = (before: string): Files =>
    own(answering('1', before), {}, { headgate: { entry: 'src/index.ts', permissions: asks } })
  const greedy = author.source(
    'greedy',
    evil(`import { readFileSync, writeFileSync } from 'node:fs'
const take = (): void => writeFileSync(${JSON.stringify(loot)}, readFileSync(${JSON.stringify(secret)}))
take()
`),
  )
  const refused = await run('inspect', greedy)
  t.equal(refused.code, 4)
  t.match(refused.stdout, /asks for {5}network, read \*, write \*/)
  t.match(refused.stdout, /An executor refuses it: PERMISSION_NOT_GRANTED\n.*permission net/)
  t.match(refused.stdout, /Without its permissions it could not be imported.*\n {2}LOAD_FAILED: /)
  t.match(await run('diff', greedy, greedy), { code: 4, stderr: /^PERMISSION_NOT_GRANTED/ })
  t.notOk(existsSync(loot), 'nothing was read or written for it')

  const modest = author.source('modest', evil(''))
  t.match(JSON.parse((await run('inspect', modest, '--json')).stdout), {
    namespaces: ['public::own::w', 'public::own::w::t'],
    refusal: { code: 'PERMISSION_NOT_GRANTED' },
    importFailure: null,
  })
  t.match(await run('diff', modest, modest), { code: 0, stdout: /byte for byte/ })

  const config = join(author.root, 'operator.json')
  const packages = { own: { permissions: asks } }
  writeFileSync(config, JSON.stringify({ tenants: { acme: { packages } } }))
  t.match(await run('inspect', greedy, '--config', config), { code: 4 }, 'another tenant')
  t.notOk(existsSync(loot))
  const granted = await run('inspect', greedy, '--config', config, '--tenant', 'acme')
  t.match(granted, { code: 0, stdout: /An executor takes it/ })
  t.equal(readFileSync(loot, 'utf8'), 'the secret', 'what the operator grants is in force')
  t.match(await run('diff', greedy, greedy, '--config', config, '--tenant', 'acme'), { code: 0 })
})

t.test('pack writes beside the package when it is called in it', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('mine', own(answering('1')))
  for (const cwd of [dir, join(dir, 'src')]) {
    process.chdir(cwd)
    const { stdout } = await run('pack', dir, '--json')
    t.equal(JSON.parse(stdout).path, join(author.root, 'own-1.0.0.tgz'))
  }
  t.match(await run('pack', dir, '--out', 'made'), { code: 2, stderr: /lies in the package/ })
  t.same(listing(dir), ['package.json', 'src/index.ts'])
  process.chdir(join(author.root, 'cwd'))
  const { stdout } = await run('pack', dir, '--json')
  t.equal(JSON.parse(stdout).path, join(author.root, 'cwd', 'own-1.0.0.tgz'), 'else where it is')
})

t.test('inspect and diff follow the link that is named, and none below it', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('real', own(answering('1')))
  const { path } = await pack({ dir, out: author.root })
  const link = (name: string, to: string): string => {
    symlinkSync(to, join(author.root, name))
    return join(author.root, name)
  }
  const folder = link('folder', dir)
  const latest = link('latest.tgz', path)
  t.match(await run('inspect', folder), { code: 0, stdout: /form +source folder/ })
  t.match(await run('inspect', latest), { code: 0, stdout: /form +archive/ })
  t.match(await run('diff', folder, latest), { code: 4, stdout: /1\.0\.0 is too low/ })
  t.match(await run('inspect', link('dangling', 'nothing')), { code: 3 })
  symlinkSync('/etc/hostname', join(dir, 'inner'))
  t.match(await run('inspect', folder), { code: 4, stdout: /FILE_REFUSED/ })
})

t.test('inspect exits 4 for whatever an executor would not take', async (t) => {
  const author = makeAuthor(t)
  const misnamed = author.source(
    'misnamed',
    own(`export default definePackage({
  workflows: [workflow('W W').task('t', { run: async () => 1 })],
})
`),
  )
  t.match(await run('inspect', misnamed), { code: 4, stdout: /refuses it: NAME_INVALID/ })
})
