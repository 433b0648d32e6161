import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { STRIPPED_FOLDER } from '../../src/protocol/stripped-types.ts'
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
  stripper.into(join(dir, 'slot'), join(dir, 'drop'), Object.keys(files), entry)
  const target = join(dir, 'slot', STRIPPED_FOLDER)
  if (!existsSync(target)) return {}
  const found = readdirSync(target, { recursive: true, withFileTypes: true })
  return Object.fromEntries(
    found
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name))
      .map((path) => [path.slice(target.length + 1), readFileSync(path, 'utf8')])
      .sort(),
  )
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
    writeFiles(join(dir, name), { 'package.json': MODULE, [`${name}.ts`]: '' })
    stripper.into(join(dir, 'slot'), join(dir, name), ['package.json', `${name}.ts`], `${name}.ts`)
  }
  t.same(readdirSync(join(dir, 'slot', STRIPPED_FOLDER)), ['b.ts'])
  t.end()
})
