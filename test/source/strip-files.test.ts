import { hash } from 'node:crypto'
import { existsSync, linkSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { STRIPPED_FILE, type StrippedModules } from '../../src/protocol/stripped-types.ts'
import { TypeStripper } from '../../src/source/strip-files.ts'
import { writeFiles } from '../helpers/package-files.ts'

const MODULE = '{"type":"module"}'

/** Paths and texts of the JavaScript made of `files`. */
function stripped(
  t: Test,
  files: Readonly<Record<string, string>>,
  entry = 'src/index.ts',
  stripper = new TypeStripper(),
): Record<string, string> {
  const dir = t.testdir({ drop: {}, slot: {} })
  writeFiles(join(dir, 'drop'), files)
  stripper.into(join(dir, 'slot'), join(dir, 'drop'), hashesOf(files), entry)
  const made = madeIn(join(dir, 'slot'))
  return Object.fromEntries(Object.entries(made).sort())
}

function hashesOf(files: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(files).map(([path, text]) => [path, hash('sha256', text)]))
}

function madeIn(slot: string): StrippedModules {
  const file = join(slot, STRIPPED_FILE)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as StrippedModules) : {}
}

t.test('what the entry reaches comes as JavaScript, each character in its place', (t) => {
  const made = stripped(t, {
    'package.json': MODULE,
    'src/index.ts': `import { a } from './lib/a.ts'\nexport const x: number = a\n`,
    'src/lib/a.ts': `import type { T } from '../types.ts'\nexport * from "../b.mts"\nexport const a: T = 1\n`,
    'src/b.mts': `export const b = (): Promise<unknown> => import('./late.ts')\n`,
    'src/late.ts': 'export {}\n',
    'src/types.ts': 'export type T = number\n',
    'test/index.test.ts': `import '../src/index.ts'\n`,
  })
  t.same(Object.keys(made), ['src/b.mts', 'src/index.ts', 'src/late.ts', 'src/lib/a.ts'])
  t.equal(made['src/index.ts'], `import { a } from './lib/a.ts'\nexport const x         = a\n`)
  t.end()
})

t.test('T2: what cannot be stripped is left to the thread, its neighbours are not', (t) => {
  const made = stripped(t, {
    'package.json': MODULE,
    'src/index.ts': `import './enum.ts'\nimport './fine.ts'\n`,
    'src/enum.ts': 'export enum E { A }\n',
    'src/fine.ts': 'export {}\n',
  })
  t.same(Object.keys(made), ['src/fine.ts', 'src/index.ts'])
  t.end()
})

t.test(
  'modules that may be CommonJS, foreign modules and JavaScript are left to the thread',
  (t) => {
    const index = { 'src/index.ts': `import '../node_modules/x/x.ts'\nimport './y.ts'\n` }
    t.same(stripped(t, { ...index, 'package.json': '{}' }), {}, 'no type')
    t.same(stripped(t, { ...index, 'package.json': '{' }), {}, 'no package.json that can be read')
    t.same(stripped(t, { ...index, 'package.json': MODULE, 'src/package.json': '{}' }), {}, 'mixed')
    t.same(stripped(t, { 'package.json': MODULE, 'index.js': '' }, 'index.js'), {}, 'JavaScript')
    const made = stripped(t, {
      ...index,
      'package.json': MODULE,
      'node_modules/x/x.ts': '',
      'node_modules/x/package.json': '{}',
      'src/y.ts': '',
    })
    t.same(Object.keys(made), ['src/index.ts', 'src/y.ts'])
    t.end()
  },
)

t.test('T3: an unchanged module is not parsed again, and gives the same', (t) => {
  const stripper = new TypeStripper()
  const files = { 'package.json': MODULE, 'src/index.ts': 'export const x: number = 1\n' }
  const first = stripped(t, files, 'src/index.ts', stripper)
  const { stringify } = JSON
  t.equal(stringify(stripped(t, files, 'src/index.ts', stripper)), stringify(first))
  const changed = { ...files, 'src/index.ts': 'export const x: number = 2\n' }
  t.match(stripped(t, changed, 'src/index.ts', stripper)['src/index.ts'], '= 2')
  t.end()
})

t.test('a slot used before holds nothing of the package before', (t) => {
  const dir = t.testdir({ a: {}, b: {}, slot: {} })
  const stripper = new TypeStripper()
  for (const name of ['a', 'b']) {
    const files = { 'package.json': MODULE, [`${name}.ts`]: '' }
    writeFiles(join(dir, name), files)
    stripper.into(join(dir, 'slot'), join(dir, name), hashesOf(files), `${name}.ts`)
  }
  t.same(madeIn(join(dir, 'slot')), { 'b.ts': '' })
  t.end()
})

t.test("a package's own file of that name is replaced in the slot, not written to", (t) => {
  const dir = t.testdir({ drop: {}, slot: {} })
  const files = { 'package.json': MODULE, 'a.ts': '', [STRIPPED_FILE]: 'its own' }
  writeFiles(join(dir, 'drop'), files)
  linkSync(join(dir, 'drop', STRIPPED_FILE), join(dir, 'slot', STRIPPED_FILE))
  new TypeStripper().into(join(dir, 'slot'), join(dir, 'drop'), hashesOf(files), 'a.ts')
  t.same(madeIn(join(dir, 'slot')), { 'a.ts': '' })
  t.equal(readFileSync(join(dir, 'drop', STRIPPED_FILE), 'utf8'), 'its own')
  t.end()
})
