import { pathToFileURL } from 'node:url'
import t from 'tap'
import {
  importDefinition,
  installModules,
  installSdkHook,
  installStrippedHook,
} from '../../src/generation/thread/loader.ts'
import { describe, loadedTasks } from '../../src/hosting/definition.ts'
import { LoadRefusal } from '../../src/hosting/refusal.ts'
import { STRIPPED_FILE } from '../../src/protocol/stripped-types.ts'
import { entryText, writeFiles } from '../helpers/package-files.ts'
import { openWorkspace } from '../helpers/workspace.ts'

installSdkHook(import.meta.resolve('../../src/sdk/index.ts'))
const workspace = openWorkspace(t)
let entries = 0

function entry(text: string, file = 'index.js'): string {
  const dir = `entry-${entries++}`
  writeFiles(workspace.path(dir), { 'package.json': '{"type":"module"}', [file]: text })
  return workspace.path(dir, file)
}

t.test('headgate/sdk is the own one of the executor, wherever the package lies', async (t) => {
  const tasks = { a: 'return 1', b: { run: 'return 2', options: { after: ['a'] } } }
  const path = entry(entryText({ name: 'p', tasks }))
  const definition = await importDefinition(path)
  t.match(describe(definition), {
    contract: 1,
    secrets: [],
    hasSetup: false,
    workflows: [{ name: 'w', tasks: [{ name: 'a' }, { name: 'b', options: { after: ['a'] } }] }],
  })
  t.same(
    loadedTasks(definition).map(({ label, after }) => [label, after]),
    [
      ['w::a', []],
      ['w::b', ['a']],
    ],
  )
})

const REFUSED: Readonly<Record<string, readonly [string, LoadRefusal['phase'], RegExp, string?]>> =
  {
    'an entry that throws': ['throw new Error("at import")', 'import', /at import/],
    'an entry that throws null': ['throw null', 'import', /null/],
    'a syntax error': ['export default {', 'import', /Unexpected/],
    'a syntax error in TypeScript': [
      'export default { a: string = }',
      'import',
      /Expression expected \(index\.ts:1\)$/,
      'index.ts',
    ],
    'an import that is not there': ['import "./gone.js"', 'import', /gone\.js/],
    'no default export': ['export const a = 1', 'definition', /definePackage/],
    'a default export of another kind': [
      'export default { workflows: [] }',
      'definition',
      /definePackage/,
    ],
    'TypeScript that needs more than stripping': ['enum A { b }', 'typescript', /enum/, 'index.ts'],
  }
for (const [what, [text, phase, message, file]] of Object.entries(REFUSED)) {
  t.test(`${what} is refused in its phase`, async (t) => {
    const refusal = await importDefinition(entry(text, file)).catch((error: unknown) => error)
    t.ok(refusal instanceof LoadRefusal)
    t.match(refusal, { phase, message })
  })
}

t.test('what JSON cannot carry is described as a text that no option accepts', async (t) => {
  const path = entry(`import { definePackage, workflow } from 'headgate/sdk'
    export default definePackage({ workflows: [workflow('w').task('a', {
      timeout: () => 1, retry: { attempts: 2n }, after: [Symbol('x')], run: () => 1 })] })`)
  t.match(describe(await importDefinition(path)), {
    workflows: [
      {
        tasks: [
          {
            options: {
              timeout: '<function>',
              retry: { attempts: '<bigint>' },
              after: ['<symbol>'],
            },
          },
        ],
      },
    ],
  })
})

t.test('a TypeScript module comes as the JavaScript made of it, where there is some', async (t) => {
  const slot = workspace.path('slot')
  const say = (text: string): string => `export const said = ${text}\n`
  writeFiles(slot, {
    'package.json': '{"type":"module"}',
    'index.ts': `${say('"as dropped"')}export { other } from './other.ts'\n`,
    'other.ts': 'export const other: string = "left to Node"\n',
    [STRIPPED_FILE]: JSON.stringify({
      'index.ts': `${say('"stripped"')}export { other } from './other.ts'\n`,
    }),
  })
  installStrippedHook(slot)
  t.match(await import(`${slot}/index.ts`), { said: 'stripped', other: 'left to Node' })
})

t.test('modules made of TypeScript find each other as files do, not as packages', async (t) => {
  const slot = workspace.path('a slot #1')
  const code = (specifier: string): string =>
    `await import('${specifier}').then(({ said }) => said, ({ code }) => code)`
  const modules = {
    'src/index.ts': `export const found = [${[
      code('./a b.ts'),
      code('./a%20b.ts'),
      code('../lib/c.mts'),
      code('twin.ts'),
      code('./gone.ts'),
    ].join()}]\n`,
    'src/a b.ts': `export const said = 'a b'\n`,
    'lib/c.mts': `export const said = 'c'\n`,
    'src/twin.ts': `export const said = 'not a package'\n`,
  }
  writeFiles(slot, {
    'package.json': '{"type":"module"}',
    [STRIPPED_FILE]: JSON.stringify(modules),
  })
  installStrippedHook(slot)
  const entryUrl = pathToFileURL(`${slot}/src/index.ts`).href
  const nowhere = 'ERR_MODULE_NOT_FOUND'
  t.match(await import(entryUrl), { found: ['a b', 'a b', 'c', nowhere, nowhere] })
})

t.test('modules that lie nowhere are found until their hooks are taken back', async (t) => {
  const dir = workspace.path('nowhere')
  const say = 'export const said = import.meta.url'
  const hooks = installModules(dir, { 'a.ts': say, 'b.ts': say })
  const url = (file: string): string => pathToFileURL(`${dir}/${file}`).href
  t.match(await import(url('a.ts')), { said: url('a.ts') })
  hooks?.deregister()
  await t.rejects(import(url('b.ts')), { code: 'ERR_MODULE_NOT_FOUND' })
  t.equal(installModules(dir, {}), undefined)
})
