/** What a bundle does in a real executor: files, CommonJS, places of modules, stack traces. */

import { cpSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { HeadgateError } from '../../src/base/errors.ts'
import { answering, listing, makeAuthor, own, packedManifestOf, startExecutor } from './author.ts'
import { REPOSITORY } from './author.ts'

t.test('every module finds the files beside its own source', async (t) => {
  const author = makeAuthor(t)
  const { executor, serve } = await startExecutor(t, author)
  const reads = (file: string): string =>
    `import { readFileSync } from 'node:fs'
     export const text = readFileSync(new URL('${file}', import.meta.url), 'utf8')\n`
  const dir = author.source('places', {
    ...own(
      answering(
        `{ near, deep, cjs, folder, own: require('node:path').sep }`,
        `import { text as near } from './near.ts'
         import { text as deep, folder } from './a/b/deep.ts'
         import cjs from './legacy.cjs'
         import { createRequire } from 'node:module'
         const require = createRequire(import.meta.url)\n`,
      ),
    ),
    'src/near.ts': reads('../data/near.txt'),
    'src/a/b/deep.ts': `${reads('../../../data/deep.txt')}
      import { basename } from 'node:path'
      import { dirname } from 'node:path'
      import { fileURLToPath } from 'node:url'
      const __dirname = dirname(fileURLToPath(import.meta.url))
      export const folder = [basename(__dirname), basename(import.meta.dirname), basename(import.meta.filename)]\n`,
    'src/legacy.cjs': `'use strict'
      const { readFileSync } = require('fs')
      const EventEmitter = require('events')
      class Own extends EventEmitter {}
      module.exports = [
        readFileSync(require('path').join(__dirname, '../data/near.txt'), 'utf8'),
        typeof new Own().emit,
        require('path').basename(__filename),
      ]\n`,
    'data/near.txt': 'near',
    'data/deep.txt': 'deep',
  })
  const { to, packed } = await author.pack(dir)
  t.same(packed.warnings, [])
  await serve(to)
  t.same(await executor.invoke('public::own::w::t'), {
    near: 'near',
    deep: 'deep',
    cjs: ['near', 'function', 'legacy.cjs'],
    folder: ['b', 'b', 'deep.ts'],
    own: '/',
  })
})

t.test('a stack trace names the file and line that the author wrote', async (t) => {
  const author = makeAuthor(t)
  const { executor, serve } = await startExecutor(t, author)
  const dir = author.source('stack', {
    ...own(answering('fail()', `import { fail } from './deep/fail.ts'\n`)),
    'src/deep/fail.ts': `interface Gone { readonly a: string }

export function fail(gone?: Gone): string {
  return new Error(gone?.a ?? 'here').stack ?? ''
}
`,
  })
  await serve((await author.pack(dir)).to)
  const stack = await executor.invoke('public::own::w::t')
  t.match(stack, /src\/deep\/fail\.ts:4:10/)
  t.match(stack, /src\/index\.ts:4:/)
})

t.test('the samples answer from their bundle as they do from source', async (t) => {
  const author = makeAuthor(t)
  const { executor, serve } = await startExecutor(t, author)
  const input = { limit: 20 }
  const source = join(REPOSITORY, 'packages-dir', 'analytics_pipeline-2.1.0')
  const prepared = join(author.root, 'source')
  cpSync(source, prepared, { recursive: true })
  const { to, packed } = await author.pack(source)
  t.match(listing(to), [
    'README.md',
    'data/README.md',
    'data/airports.json',
    'data/flights.json',
    'headgate.manifest.json',
    'package.json',
    'src/index.js',
    'src/index.js.map',
  ])
  t.ok(packed.bytes.bundle < 20_000, `${packed.bytes.bundle} bytes`)
  await serve(to)
  const namespace = 'public::analytics_pipeline::analytics_workflow'
  const bundled = await executor.invokeJson(namespace, JSON.stringify(input))

  const other = makeAuthor(t)
  const fromSource = await startExecutor(t, other)
  mkdirSync(join(other.root, 'packages', '@x'))
  renameSync(prepared, join(other.root, 'packages', '@x', 'source'))
  const name = namespace.replace('public', 'x')
  await fromSource.executor.reconcile()
  const active = (): boolean =>
    fromSource.executor.package('x', 'analytics_pipeline')?.activeVersion === '2.1.0'
  while (!active()) await fromSource.executor.reconcile()
  const plain = await fromSource.executor.invokeJson(name, JSON.stringify(input))
  t.equal(bundled.json, plain.json)
  t.equal(packedManifestOf(to).sourceDigest, packed.sourceDigest)
  t.equal(
    packed.sourceDigest,
    fromSource.executor.package('x', 'analytics_pipeline')?.versions[0]?.digest,
    'the source digest is the digest that an executor gives the source folder',
  )
})

t.test('a dependency that reads its own files is packed with a warning', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('reader', {
    ...own(answering('reader', `import reader from 'reader'\n`)),
    'node_modules/reader/package.json': JSON.stringify({ name: 'reader', version: '1.0.0' }),
    'node_modules/reader/index.js': `module.exports = __dirname\n`,
  })
  const { packed } = await author.pack(dir)
  t.match(packed.warnings, [/^reader asks where its files lie/])
  t.same(packed.dependencies, [{ name: 'reader', version: '1.0.0' }])
})

t.test('what cannot be resolved is refused with file and line', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('lost', own(answering('x', `\nimport x from 'not-installed'\n`)))
  const fault = await author.pack(dir).catch((error: unknown) => error as HeadgateError)
  t.match(fault, { code: 'BUNDLE_FAILED', message: /src\/index\.ts:3:15: Could not resolve/ })
  t.equal(dirname(dir), author.root, 'and nothing is left in the source folder')
  t.same(listing(dir), ['package.json', 'src/index.ts'])
})
