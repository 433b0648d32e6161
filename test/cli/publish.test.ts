import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { runCommand } from '../../src/cli/main.ts'
import { writeEndpoint } from '../../src/cli/endpoint.ts'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { startServer } from '../../src/server/start-server.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openWorkspace, startExecutor } from '../helpers/workspace.ts'
import { type Files, packageFiles, packed, writeFiles } from '../source/drops.ts'
import { FLAG, tarEntry, tarOf, tgz, tgzOf } from '../source/tar-bytes.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function publish(...args: readonly string[]): Promise<Ended> {
  return publishIn({}, ...args)
}

async function publishIn(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Ended> {
  const [out, err] = [new PassThrough(), new PassThrough()]
  let [stdout, stderr] = ['', '']
  out.on('data', (chunk) => (stdout += chunk))
  err.on('data', (chunk) => (stderr += chunk))
  const terminal = { stdin: new PassThrough(), stdout: out, stderr: err, env }
  const never = new AbortController().signal
  const code = await runCommand(['publish', ...args], terminal, never)
  return { code, stdout, stderr }
}

interface Place {
  readonly dir: string
  readonly file: (name: string, bytes: Buffer) => string
  readonly dropped: () => readonly string[]
}

function place(t: Test): Place {
  const root = mkdtempSync(join(tmpdir(), 'headgate-publish-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const dir = join(root, 'packages')
  mkdirSync(dir)
  return {
    dir,
    file: (name, bytes) => {
      writeFileSync(join(root, name), bytes)
      return join(root, name)
    },
    dropped: () => readdirSync(dir, { recursive: true }).map(String).sort(),
  }
}

const files = packageFiles('alpha', '1.0.0')
const other = packageFiles('alpha', '1.0.0', { 'src/more.ts': '' })

t.test('publishing into a folder: once, again, and other bytes of the same version', async (t) => {
  const { dir, file, dropped } = place(t)
  const bytes = tgzOf(packed(files))
  const first = await publish(file('alpha.tgz', bytes), '--to', dir)
  t.match(first, {
    code: 0,
    stderr: '',
    stdout: /^published public::alpha@1\.0\.0 \([0-9a-f]{12}\) as alpha@1\.0\.0\.tgz\n$/,
  })
  t.ok(readFileSync(join(dir, 'alpha@1.0.0.tgz')).equals(bytes))
  const again = await publish(file('alpha.tgz', bytes), '--to', dir, '--json')
  t.match(JSON.parse(again.stdout), {
    outcome: 'present',
    entry: 'alpha@1.0.0.tgz',
    package: 'alpha',
  })
  t.equal(again.code, 0)
  const npm = await publish(file('npm.tgz', tgzOf(files)), '--to', dir)
  t.match(npm, { code: 0, stdout: /^already there/ }, 'the same files in another archive')
  const refused = await publish(file('other.tgz', tgzOf(other)), '--to', dir)
  t.match(refused, { code: 4, stdout: '', stderr: /^VERSION_CONFLICT: alpha@1\.0\.0 / })
  t.same(dropped(), ['alpha@1.0.0.tgz'], 'no hidden file is left')
})

t.test(
  'a version is found under whatever name it lies in the folder, its tenant apart',
  async (t) => {
    const { dir, file, dropped } = place(t)
    writeFiles(join(dir, 'any-name'), files)
    writeFiles(join(dir, 'broken'), { 'package.json': '{' })
    writeFileSync(join(dir, 'broken.tgz'), 'x')
    const alpha = file('alpha.tgz', tgzOf(packed(files)))
    t.match(await publish(alpha, '--to', dir), {
      code: 0,
      stdout: /^already there: .*, any-name\n$/,
    })
    t.match(await publish(file('other.tgz', tgzOf(other)), '--to', dir), { code: 4 })
    const acme = await publish(file('other.tgz', tgzOf(other)), '--to', dir, '--tenant', 'acme')
    t.match(acme, {
      code: 0,
      stdout: /^published acme::alpha@1\.0\.0 .* as @acme\/alpha@1\.0\.0\.tgz/,
    })
    t.ok(dropped().includes('@acme/alpha@1.0.0.tgz'))
  },
)

t.test('a pack and the folder it was packed from are the same version', async (t) => {
  const { dir, file } = place(t)
  writeFiles(join(dir, 'source'), files)
  const source = JSON.parse(
    (await publish(file('s.tgz', tgzOf(files)), '--to', dir, '--json')).stdout,
  ).digest
  const withSource = (content: Files): Files => {
    const manifest = JSON.parse(packed(content)[MANIFEST_FILE] ?? '')
    return { ...content, [MANIFEST_FILE]: JSON.stringify({ ...manifest, sourceDigest: source }) }
  }
  const bundle = file('bundle.tgz', tgzOf(withSource(other)))
  t.match(await publish(bundle, '--to', dir), { code: 0, stdout: /^already there/ })
  rmSync(join(dir, 'source'), { recursive: true })
  t.match(await publish(bundle, '--to', dir), { code: 0, stdout: /^published/ })
  t.match(await publish(file('s.tgz', tgzOf(files)), '--to', dir), {
    code: 0,
    stdout: /^already there/,
  })
})

t.test('the link that is named is followed', async (t) => {
  const { dir, file, dropped } = place(t)
  const real = file('alpha-1.0.0.tgz', tgzOf(packed(files)))
  const latest = join(dir, '..', 'latest.tgz')
  symlinkSync(real, latest)
  t.match(await publish(latest, '--to', dir), {
    code: 0,
    stdout: /^published public::alpha@1\.0\.0/,
  })
  t.same(dropped(), ['alpha@1.0.0.tgz'])
  t.ok(lstatSync(join(dir, 'alpha@1.0.0.tgz')).isFile())
})

t.test('what is no good archive is refused before anything is written', async (t) => {
  const { dir, file, dropped } = place(t)
  const link = tarEntry({ path: 'package/l', flag: FLAG.symbolicLink, linkpath: '/' })
  const cases: readonly [string, readonly string[], number, RegExp][] = [
    [
      'a link',
      [file('l.tgz', tgz(link, tarOf(files))), '--to', dir],
      4,
      /^ARCHIVE_LINK: .*in the archive/,
    ],
    ['text', [file('t.tgz', Buffer.from('text')), '--to', dir], 4, /^ARCHIVE_NOT_GZIP: /],
    [
      'a link, to an executor',
      [file('l.tgz', tgz(link, tarOf(files))), '--to', 'http://127.0.0.1:9'],
      4,
      /^ARCHIVE_LINK: /,
    ],
    [
      'no executor',
      [file('a.tgz', tgzOf(files)), '--to', 'http://127.0.0.1:9'],
      5,
      /^UNREACHABLE: /,
    ],
    ['no file', [join(dir, 'gone.tgz'), '--to', dir], 2, /^OPTION_INVALID: option file .*ENOENT/],
    ['a folder', [dir, '--to', dir], 2, /^OPTION_INVALID: option file .*npm pack/],
    [
      'a tenant that is no name',
      [file('a.tgz', tgzOf(files)), '--to', dir, '--tenant', '../x'],
      2,
      /^NAME_INVALID/,
    ],
    [
      'a target that is not there',
      [file('a.tgz', tgzOf(files)), '--to', join(dir, 'no')],
      2,
      /^OPTION_INVALID: option --to .*there is no folder .*http/,
    ],
    ['no target', [file('a.tgz', tgzOf(files))], 2, /--to/],
  ]
  for (const [what, args, code, stderr] of cases) {
    t.match(await publish(...args), { code, stdout: '', stderr }, what)
  }
  t.same(dropped(), [])
})

t.test('publishing to a running executor', async (t) => {
  const workspace = openWorkspace(t)
  const executor = await startExecutor(t, workspace, { spare: false, reconcileMs: 100 })
  const token = 'token-of-this-start'
  const rest = { host: '127.0.0.1', port: 0, logger: silentLogger, version: '0.1.0', token }
  const server = await startServer({ executor, ...rest })
  t.teardown(() => server.close())
  const { file } = place(t)
  const alpha = file('alpha.tgz', tgzOf(packed(files)))
  const to = ['--to', server.url, '--tenant', 'acme']
  const { dataDir } = workspace
  const withData = [...to, '--data', dataDir]
  const refusedWithout = { code: 4, stderr: /^TOKEN_REFUSED: [^]*--data/ }
  t.match(await publish(alpha, ...to), refusedWithout)
  const endpoint = { pid: process.pid, version: '0.1.0', startedAt: 0, token }
  writeEndpoint(dataDir, { ...endpoint, url: 'http://127.0.0.1:9' })
  t.match(await publish(alpha, ...withData), refusedWithout, 'the token is for another executor')
  writeEndpoint(dataDir, { ...endpoint, url: server.url })
  t.match(await publish(alpha, ...withData), { code: 0, stdout: /^published acme::alpha/ })
  const own = { HEADGATE_TOKEN: token }
  t.match(await publishIn(own, alpha, ...to), { code: 0, stdout: /^already there/ })
  t.match(await publish(alpha, ...to, '--token', token), { code: 0, stdout: /^already there/ })
  t.match(await publishIn(own, alpha, ...to, '--token', 'other'), refusedWithout)
  const refused = await publish(file('o.tgz', tgzOf(other)), ...withData)
  t.match(refused, { code: 4, stderr: /^VERSION_CONFLICT/ })
  t.same(readdirSync(join(workspace.packagesDir, '@acme')), ['alpha@1.0.0.tgz'])
})
