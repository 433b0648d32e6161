import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { HeadgateError } from '../../src/base/errors.ts'
import { pack } from '../../src/packaging/pack.ts'
import {
  REPOSITORY,
  answering,
  listing,
  makeAuthor,
  manifestOf,
  own,
  packedManifestOf,
} from './author.ts'
import { run, SHIM } from './run-command.ts'

const IMPOSSIBLE: readonly {
  readonly what: string
  readonly files: Readonly<Record<string, string>>
  readonly code: string
  readonly message: RegExp
}[] = [
  {
    what: 'a dependency that is a native addon',
    files: {
      ...own(answering('x', `import x from 'fast-thing'\n`)),
      'node_modules/fast-thing/package.json': '{"name":"fast-thing","version":"1.0.0"}',
      'node_modules/fast-thing/index.js': `module.exports = require('./build/thing.node')`,
      'node_modules/fast-thing/build/thing.node': 'ELF',
    },
    code: 'DEPENDENCY_REFUSED',
    message: /with fast-thing: it is a native addon \(thing\.node\)/,
  },
  {
    what: 'a dependency that node-gyp builds',
    files: {
      ...own(answering('x', `import x from 'outer'\n`)),
      'node_modules/outer/package.json': '{"name":"outer","version":"1.0.0"}',
      'node_modules/outer/index.js': `module.exports = require('inner')`,
      'node_modules/inner/package.json': '{"name":"inner","version":"1.0.0"}',
      'node_modules/inner/lib/index.js': '',
      'node_modules/inner/index.js': `module.exports = 1`,
      'node_modules/inner/binding.gyp': '{}',
    },
    code: 'DEPENDENCY_REFUSED',
    message: /with inner: .*binding\.gyp/,
  },
  {
    what: 'a dependency with an install script',
    files: {
      ...own(answering('x', `import x from '@acme/fetcher'\n`)),
      'node_modules/@acme/fetcher/package.json': JSON.stringify({
        name: '@acme/fetcher',
        version: '1.0.0',
        scripts: { postinstall: 'node fetch.js' },
      }),
      'node_modules/@acme/fetcher/index.js': `module.exports = 1`,
    },
    code: 'DEPENDENCY_REFUSED',
    message: /with @acme\/fetcher: it runs its script postinstall/,
  },
  {
    what: 'an install script of its own',
    files: own(answering('1'), {}, { scripts: { install: 'make' } }),
    code: 'DEPENDENCY_REFUSED',
    message: /with itself: it runs its script install/,
  },
  {
    what: 'a native addon of its own',
    files: own(answering('1'), { 'lib/x.node': 'ELF' }),
    code: 'DEPENDENCY_REFUSED',
    message: /lib\/x\.node/,
  },
  {
    what: 'an entry that exports no package',
    files: own('export default 1\n'),
    code: 'LOAD_FAILED',
    message: /does not default-export what definePackage/,
  },
  {
    what: 'an entry that throws',
    files: own(`throw new Error('no luck')\n`),
    code: 'LOAD_FAILED',
    message: /no luck/,
  },
  {
    what: 'an entry that reads where no executor would let it',
    files: own(answering('1', `import { readdirSync } from 'node:fs'\nreaddirSync('/etc')\n`)),
    code: 'LOAD_FAILED',
    message: /[Pp]ermission|restricted/,
  },
  {
    what: 'a graph that is none',
    files: own(
      `export default definePackage({ workflows: [workflow('w').task('a', { after: ['b'] as never, run: () => 1 })] })\n`,
    ),
    code: 'GRAPH_INVALID',
    message: /"b", which it has not/,
  },
  {
    what: 'an entry that is not there',
    files: {
      ...own(''),
      'package.json': '{"name":"own","version":"1.0.0","headgate":{"entry":"x.ts"}}',
    },
    code: 'ENTRY_MISSING',
    message: /x\.ts/,
  },
  {
    what: 'a typing error in package.json',
    files: own(answering('1'), {}, { headgate: { entri: 'src/index.ts' } }),
    code: 'PACKAGE_JSON_INVALID',
    message: /did you mean entry/,
  },
]

for (const { what, files, code, message } of IMPOSSIBLE) {
  t.test(`${what} is not packed, and nothing is written`, async (t) => {
    const author = makeAuthor(t)
    const dir = author.source('impossible', files)
    const before = listing(dir)
    const out = join(author.root, 'out')
    mkdirSync(out)
    const fault = await pack({ dir, out }).catch((error: unknown) => error as HeadgateError)
    t.match(fault, { code, message })
    t.same(listing(out), [])
    t.same(listing(dir), before)
  })
}

t.test('a module that never ends is given up', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('endless', own(answering('1', 'while (Date.now() > 0);\n')))
  const fault = await pack({ dir, out: author.root, timeoutMs: 400 }).catch(
    (error: unknown) => error as HeadgateError,
  )
  t.match(fault, { code: 'LOAD_TIMEOUT', details: { phase: 'import' } })
})

t.test('an interrupted pack ends its thread and writes nothing', async (t) => {
  const author = makeAuthor(t)
  const dir = author.source('endless', own(answering('1', 'while (Date.now() > 0);\n')))
  const interrupt = new AbortController()
  const reason = new Error('interrupted')
  const progress = (line: string): void => {
    if (line.startsWith('importing')) interrupt.abort(reason)
  }
  const out = join(author.root, 'out')
  mkdirSync(out)
  const packing = pack({ dir, out, progress, signal: interrupt.signal })
  t.equal(await packing.catch((error: unknown) => error), reason)
  t.same(listing(out), [])
})

t.test('the types are checked by the compiler of the package, with file and line', async (t) => {
  const author = makeAuthor(t)
  const wrong = `const n: number = 'text'\n`
  const tsconfig = JSON.stringify({
    compilerOptions: {
      module: 'NodeNext',
      target: 'ES2024',
      strict: true,
      allowImportingTsExtensions: true,
      types: [],
      skipLibCheck: true,
    },
    include: ['src'],
  })
  const source = own(answering('n', `import { n } from './n.ts'\n`), {
    'src/n.ts': `export ${wrong}`,
  })
  const unchecked = author.source('unchecked', source)
  t.equal((await author.pack(unchecked)).packed.typeChecked, false, 'no tsconfig.json')
  const dir = author.source('checked', { ...source, 'tsconfig.json': tsconfig })
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(REPOSITORY, join(dir, 'node_modules', 'headgate'))
  symlinkSync(
    join(REPOSITORY, 'node_modules', 'typescript'),
    join(dir, 'node_modules', 'typescript'),
  )
  const ended = await run(process.execPath, [SHIM, 'pack', '--json'], { cwd: dir })
  t.equal(ended.code, 4)
  t.equal(ended.stdout, '')
  t.match(ended.stderr, /TYPECHECK_FAILED.*src\/n\.ts\(1,14\): error TS2322/)
  rmSync(join(dir, 'src', 'n.ts'))
  writeFileSync(join(dir, 'src', 'n.ts'), 'export const n: number = 1\n')
  const { to, packed } = await author.pack(dir)
  t.ok(packed.typeChecked)
  t.match(packedManifestOf(to).tools, { typescript: /^\d/ })
  t.equal(manifestOf(to).packed?.package, 'own')
})
