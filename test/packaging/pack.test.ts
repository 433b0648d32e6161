/** The packed version itself: what is in it, that it is the same everywhere, what is refused. */

import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { MANIFEST_FILE } from '../../src/domain/digest.ts'
import { manifestChecksum } from '../../src/domain/manifest.ts'
import { pack } from '../../src/packaging/pack.ts'
import {
  REPOSITORY,
  answering,
  listing,
  makeAuthor,
  own,
  packedManifestOf,
  startExecutor,
} from './author.ts'
import { run, SHIM } from './run-command.ts'

t.test('the manifest says everything that can be known without running the package', async (t) => {
  const author = makeAuthor(t)
  const zod = join(REPOSITORY, 'node_modules', 'zod')
  const dir = author.source(
    'whole',
    own(
      `import { z } from 'zod'
       const daily = workflow('daily', { input: z.object({ day: z.string().describe('a day'), limit: z.number().default(5) }) })
         .task('read', { timeout: '5s', run: (_, { input }) => ({ day: input.day }) })
         .task('tell', { after: ['read'], retry: { attempts: 2 }, run: ({ read }) => read })
       const opaque = workflow('opaque', { input: z.object({ at: z.date() }) }).task('t', { run: () => 1 })
       export default definePackage({
         description: 'all of it', workflows: [daily, opaque],
         config: z.object({ url: z.string() }), secrets: ['TOKEN'],
       })\n`,
      {},
      {
        description: 'From package.json',
        author: { name: 'A', email: 'a@example.com' },
        headgate: { entry: 'src/index.ts', permissions: { env: ['TZ'] } },
      },
    ),
  )
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(zod, join(dir, 'node_modules', 'zod'))
  const { to, packed } = await author.pack(dir)
  const manifest = packedManifestOf(to)
  t.match(manifest, {
    contract: 1,
    package: 'own',
    version: '1.0.0',
    description: 'From package.json',
    author: 'A <a@example.com>',
    entry: 'src/index.js',
    permissions: { net: false, read: [], write: [], env: ['TZ'] },
    config: ['url'],
    secrets: ['TOKEN'],
    tools: { headgate: /^\d/, node: process.versions.node, esbuild: /^0\./ },
    digest: packed.digest,
  })
  t.match(manifest.definition, {
    description: 'all of it',
    workflows: [
      {
        name: 'daily',
        hasInput: true,
        tasks: [
          { name: 'read', options: { timeout: '5s' } },
          { name: 'tell', options: { after: ['read'], retry: { attempts: 2 } } },
        ],
      },
      { name: 'opaque' },
    ],
  })
  t.same(manifest.schemas.inputs, [
    {
      workflow: 'daily',
      schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          day: { type: 'string', description: 'a day' },
          limit: { type: 'number', default: 5 },
        },
        required: ['day'],
      },
    },
  ])
  t.equal(packed.sourceDigest, null, 'an executor would refuse the link in node_modules')
  t.equal(manifest.sourceDigest, undefined)
  t.same(
    manifest.files.map(({ path }) => path),
    ['package.json', 'src/index.js', 'src/index.js.map'],
  )
})

t.test('the archive has the same bytes wherever and whenever it is packed', async (t) => {
  const author = makeAuthor(t)
  const sample = join(REPOSITORY, 'packages-dir', 'marketing_campaigns-1.3.0')
  const there = join(author.root, 'a', 'much', 'deeper', 'place')
  cpSync(sample, there, { recursive: true })
  for (const file of listing(there)) {
    chmodSync(join(there, file), 0o600)
    utimesSync(join(there, file), 1, 1)
  }
  const outs = ['one', 'two', 'three'].map((name) => join(author.root, name))
  for (const out of outs) mkdirSync(out)
  const [one = '', two = '', three = ''] = outs
  const first = await pack({ dir: sample, out: one })
  await pack({ dir: sample, out: two })
  const command = `umask 077 && exec "${process.execPath}" "${SHIM}" pack --out "${three}"`
  const env = { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8' }
  const other = await run('bash', ['-c', command], { cwd: there, env })
  t.equal(other.code, 0, other.stderr)
  const bytes = outs.map((out) => readFileSync(join(out, 'marketing_campaigns-1.3.0.tgz')))
  t.ok(bytes[0]?.equals(bytes[1] ?? Buffer.alloc(0)), 'twice')
  t.ok(bytes[0]?.equals(bytes[2] ?? Buffer.alloc(0)), 'elsewhere, by another umask and time zone')
  t.equal(bytes[0]?.length, first.archiveBytes)
  t.same([...(bytes[0]?.subarray(4, 10) ?? [])], [0, 0, 0, 0, 2, 255], 'no time, no system')
  const tar = gunzipSync(bytes[0] ?? Buffer.alloc(0)).toString('latin1')
  t.notMatch(tar, author.root)
  t.notMatch(tar, REPOSITORY)
  t.match(other.stdout, new RegExp(`fingerprint  sha256:${first.digest}`))
  t.match(other.stderr, /bundling src\/index\.ts/, 'progress is on stderr')
})

t.test('the archive is a drop, and its source folder beside it is the same version', async (t) => {
  const author = makeAuthor(t)
  const { executor } = await startExecutor(t, author)
  const packagesDir = join(author.root, 'packages')
  const dir = author.source('both', own(answering('import.meta.url')))
  const { path, digest, sourceDigest } = await pack({ dir, out: author.root })
  renameSync(path, join(packagesDir, 'own.tgz'))
  const looked = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await executor.reconcile()
  }
  await looked(() => executor.package('public', 'own')?.activeVersion === '1.0.0')
  t.match(await executor.invoke('public::own::w::t'), /src\/index\.ts$/)
  t.equal(executor.package('public', 'own')?.versions[0]?.digest, digest)
  renameSync(dir, join(packagesDir, 'own-source'))
  renameSync(join(packagesDir, 'own.tgz'), join(author.root, 'away.tgz'))
  await executor.reconcile()
  await executor.reconcile()
  const row = executor.package('public', 'own')
  t.match(row, { activeVersion: '1.0.0', refusals: [] }, 'and no conflict')
  t.not(sourceDigest, digest)
})

t.test('an archive in the source folder is no part of the next one', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('inside', own(answering('1')))
  const out = author.root
  const first = await pack({ dir, out })
  cpSync(first.path, join(dir, 'own-1.0.0.tgz'))
  const second = await pack({ dir, out })
  t.equal(second.digest, first.digest)
  t.not(second.sourceDigest, first.sourceDigest, 'but it is part of that folder, were it dropped')
})

t.test('an archive is not written into the package it is packed from', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('inside', own(answering('1')))
  const link = join(author.root, 'link')
  symlinkSync(dir, link)
  const before = listing(dir)
  for (const out of [dir, join(dir, 'src'), join(link, 'src'), link]) {
    await t.rejects(pack({ dir, out }), { code: 'OPTION_INVALID', message: /lies in the package/ })
    await t.rejects(pack({ dir: link, out }), { code: 'OPTION_INVALID' })
  }
  t.same(listing(dir), before)
})

t.test('a package is packed through a link as it is without', async (t) => {
  const author = makeAuthor(t)
  const zod = join(REPOSITORY, 'node_modules', 'zod')
  const before = `import { z } from 'zod'
const text = new URL('../data/a.txt', import.meta.url).pathname.endsWith('/data/a.txt')
`
  const dir = author.source(
    'real',
    own(answering('z.boolean().parse(text)', before), { 'data/a.txt': 'a' }),
  )
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(zod, join(dir, 'node_modules', 'zod'))
  const straight = await author.pack(dir)
  const link = join(author.root, 'deep', 'er')
  mkdirSync(join(author.root, 'deep'))
  symlinkSync(dir, link)
  const linked = await author.pack(link)
  t.same(linked.packed, straight.packed)
  const { executor, serve } = await startExecutor(t, author)
  await serve(linked.to)
  t.equal(await executor.invoke('public::own::w::t'), true)
})

t.test('npm installs the archive, and what is installed is what was packed', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source(
    'scoped',
    own(
      answering('1'),
      { 'data/x.txt': 'x', LICENSE: 'free' },
      { name: '@acme/own', peerDependencies: { headgate: '>=0.1.0' }, scripts: { test: 'x' } },
    ),
  )
  const { path, digest } = await pack({ dir, out: author.root })
  t.equal(path, join(author.root, 'acme-own-1.0.0.tgz'))
  const home = join(author.root, 'home')
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), '{"private": true}')
  const args = ['install', '--offline', '--no-audit', '--no-fund', path]
  const installed = await run('npm', args, { cwd: home })
  t.equal(installed.code, 0, installed.stderr)
  const folder = join(home, 'node_modules', '@acme', 'own')
  t.same(listing(folder), [
    'LICENSE',
    'data/x.txt',
    MANIFEST_FILE,
    'package.json',
    'src/index.js',
    'src/index.js.map',
  ])
  t.equal(packedManifestOf(folder).digest, digest)
})

t.test("data travels, sources, tests and the author's tools do not", async (t) => {
  const author = makeAuthor(t)
  const more = {
    'data/x.csv': 'x',
    'data/test.csv': 'x',
    'src/notes.md': 'x',
    'README.md': 'x',
    '.env': 'SECRET=1',
    '.config/x.json': '{}',
    'tsconfig.tool.json': '{}',
    'package-lock.json': '{}',
    'src/other.ts': 'export {}',
    'scripts/tool.mjs': 'x',
    'test/fixture.csv': 'x',
    'src/a.test.txt': 'x',
    'node_modules/lib/data.csv': 'x',
  }
  const all = author.source('all', own(answering('1'), more))
  const data = (folder: string): readonly string[] =>
    listing(folder).filter((path) => !/^(?:package\.json|src\/index\.js|headgate)/.test(path))
  t.same(data((await author.pack(all)).to), [
    'README.md',
    'data/test.csv',
    'data/x.csv',
    'src/notes.md',
  ])
  const files = ['data', '!data/test.csv', './src/*.md/', 'src/**']
  const named = author.source('named', own(answering('1'), more, { files }))
  t.same(data((await author.pack(named)).to), ['README.md', 'data/x.csv', 'src/notes.md'])
})

t.test(
  'what a packed version claims is held against what it is, before its code runs',
  async (t) => {
    const author = makeAuthor(t)
    const { executor, refused } = await startExecutor(t, author)
    const source = own(answering('1'))
    const { to } = await author.pack(author.source('claims', source))
    const file = join(to, MANIFEST_FILE)
    const honest = readFileSync(file, 'utf8')
    const lie = (change: (manifest: Record<string, unknown>) => void, sealed = true): void => {
      const manifest: Record<string, unknown> = JSON.parse(honest)
      change(manifest)
      if (sealed) manifest['checksum'] = manifestChecksum(manifest)
      writeFileSync(file, JSON.stringify(manifest))
    }
    const definition = (manifest: Record<string, unknown>): { workflows: { tasks: object[] }[] } =>
      manifest['definition'] as { workflows: { tasks: object[] }[] }

    lie((manifest) => (manifest['contract'] = 2))
    t.match(await refused(to), { code: 'CONTRACT_UNSUPPORTED', message: /contract 2.*speaks 1/ })
    lie((manifest) => (manifest['version'] = '1.0.1'))
    t.match(await refused(to), {
      code: 'MANIFEST_INVALID',
      message: /version is "1\.0\.1", not "1\.0\.0"/,
    })
    lie((manifest) => (manifest['package'] = 'other'))
    t.match(await refused(to), { code: 'MANIFEST_INVALID', message: /package is "other"/ })
    lie((manifest) => (manifest['digest'] = '0'.repeat(64)))
    t.match(await refused(to), {
      code: 'MANIFEST_INVALID',
      message: /digest is not that of the files/,
    })
    lie((manifest) => (manifest['interfaceDigest'] = '0'.repeat(64)))
    t.match(await refused(to), { code: 'MANIFEST_INVALID', message: /interfaceDigest is/ })
    lie((manifest) => (manifest['description'] = 'edited'), false)
    t.match(await refused(to), { code: 'MANIFEST_INVALID', message: /checksum/ })
    lie((manifest) => (manifest['entryy'] = 'x'))
    t.match(await refused(to), {
      code: 'MANIFEST_INVALID',
      message: /unknown key "entryy"; did you mean entry\?/,
    })
    lie((manifest) => delete manifest['tools'])
    t.match(await refused(to), { code: 'MANIFEST_INVALID', message: /tools/ })
    lie((manifest) =>
      Object.assign(definition(manifest).workflows[0]?.tasks[0] ?? {}, {
        options: { after: ['gone'] },
      }),
    )
    t.match(await refused(to), { code: 'GRAPH_INVALID', message: /"gone"/ })
    t.same(await executor.control({ since: 0, limit: 10 }), [], 'no thread was asked so far')
    lie((manifest) =>
      Object.assign(definition(manifest).workflows[0]?.tasks[0] ?? {}, {
        options: { timeout: '1s' },
      }),
    )
    t.match(await refused(to), {
      code: 'DEFINITION_MISMATCH',
      message: /tasks\[t\]\.options\.timeout is missing/,
    })
  },
)
