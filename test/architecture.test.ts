import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { blank } from './architecture/blank.ts'
import {
  browserSafety,
  consoles,
  cycles,
  defaultExports,
  escapes,
  FOLDERS,
  floors,
  mayImport,
  sdkIndependence,
  size,
  timers,
} from './architecture/rules.ts'
import { readTree, sourceFile } from './architecture/tree.ts'

const root = join(import.meta.dirname, '..')
const files = readTree(join(root, 'src'))

t.test('src keeps the rules of the house', (t) => {
  t.ok(files.length > 50, 'the tree was found')
  t.ok(files.flatMap(({ imports }) => imports).length > files.length, 'imports were found')
  t.same(floors(files), [], 'imports go down the floors only')
  t.same(cycles(files), [], 'no cycle, type imports included')
  t.same(size(files), [], 'no file over 400 lines')
  t.same(escapes(files), [], 'no any, no silenced type error')
  t.same(consoles(files), [], 'no console outside commands')
  t.same(defaultExports(files), [], 'no default export but the thread entry')
  t.same(timers(files), [], 'timers only in base/clock.ts')
  t.same(browserSafety(files), [], 'the client runs in browsers')
  t.same(sdkIndependence(files), [], 'the SDK depends on nothing')
  t.end()
})

/** A tree on disk, so that the walk itself is part of what is tried. */
function planted(t: Test, sources: Readonly<Record<string, string>>): ReturnType<typeof readTree> {
  const dir = t.testdir()
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  return readTree(dir)
}

t.test('an import up, across or out is found, in each form of import', (t) => {
  const tree = planted(t, {
    'index.ts': `export { start } from './server/start.ts'`,
    'base/clock.ts': `import type { Route } from '../domain/route.ts'\n`,
    'domain/route.ts': `import { x } from '../base/clock.ts'\nexport type Route = typeof x\n`,
    'source/a.ts': `import {\n  b,\n  type c,\n} from '../store/b.ts'\n`,
    'store/b.ts': `export * from '../generation/sub/c.ts'\nexport const b = await import('../cli/d.ts')\n`,
    'generation/sub/c.ts': `import '../../executor/e.ts'\ntype D = import('../../cli/d.ts').D\n`,
    'executor/e.ts': `import '../index.ts'\nimport '../../bench/x.ts'\nimport '../base/gone.ts'\n`,
    'cli/d.ts': `import { Route } from '../domain/route.ts'; import '../server/start.ts'\n`,
    'client/f.ts': `import '../store/b.ts'\nimport '../domain/route.ts'\n`,
    'server/start.ts': `import '../client/f.ts'\n`,
    'attic/g.ts': '',
  })
  t.same(floors(tree), [
    'attic/g.ts:1 attic/ is on no floor',
    'base/clock.ts:1 imports ../domain/route.ts: base may not import domain',
    'client/f.ts:1 imports ../store/b.ts: client may not import store',
    'executor/e.ts:1 imports ../index.ts: nothing inside imports the door',
    'executor/e.ts:2 imports ../../bench/x.ts, which is outside src',
    'executor/e.ts:3 imports ../base/gone.ts, which does not exist',
    'generation/sub/c.ts:1 imports ../../executor/e.ts: generation may not import executor',
    'generation/sub/c.ts:2 imports ../../cli/d.ts: generation may not import cli',
    'server/start.ts:1 imports ../client/f.ts: server may not import client',
    'source/a.ts:4 imports ../store/b.ts: source may not import store',
    'store/b.ts:1 imports ../generation/sub/c.ts: store may not import generation',
    'store/b.ts:2 imports ../cli/d.ts: store may not import cli',
  ])
  t.end()
})

t.test('a cycle is found, through types and over several files', (t) => {
  const tree = planted(t, {
    'base/a.ts': `import type { B } from './b.ts'`,
    'base/b.ts': `import { c } from './c.ts'`,
    'base/c.ts': `export type { A } from './a.ts'\nimport './d.ts'`,
    'base/d.ts': '',
    'base/self.ts': `import './self.ts'`,
  })
  t.same(cycles(tree), [
    'base/a.ts -> base/b.ts -> base/c.ts -> base/a.ts',
    'base/self.ts -> base/self.ts',
  ])
  t.end()
})

t.test('long files, any, silenced errors, consoles, default exports and timers are found', (t) => {
  const tree = planted(t, {
    'base/long.ts': 'const x = 1\n'.repeat(401),
    'base/short.ts': 'const x = 1\n'.repeat(400),
    'base/clock.ts': 'setTimeout(() => {}, 1)\n',
    'base/any.ts':
      'let a: any\nlet b = a as any[]\nlet c: Map<string, any>\n// @ts-ignore\nPromise.any([])\n',
    'base/log.ts': 'console.log(1)\nconst f = () => console.error\n',
    'cli/log.ts': 'console.log(1)\n',
    'base/export.ts': 'export default 1\nconst x = 1\nexport { x as default }\n',
    'generation/thread/entry.ts': 'export default 1\n',
    'base/timers.ts': [
      `import { setTimeout as sleep } from 'node:timers/promises'`,
      'const handle = setInterval(() => {}, 1)',
      'const wait = globalThis.setTimeout',
      'AbortSignal.timeout(1)',
      'setImmediate(() => {})',
      'socket.setTimeout(0)',
    ].join('\n'),
  })
  t.same(size(tree), ['base/long.ts:401 has 401 lines, over 400'])
  t.same(escapes(tree), [
    'base/any.ts:1 any',
    'base/any.ts:2 any',
    'base/any.ts:3 any',
    'base/any.ts:4 @ts-ignore',
  ])
  t.same(consoles(tree), ['base/log.ts:1 console.log', 'base/log.ts:2 console.error'])
  t.same(defaultExports(tree), ['base/export.ts:1 export default', 'base/export.ts:3 as default'])
  t.same(timers(tree), [
    'base/timers.ts:1 setTimeout',
    'base/timers.ts:2 setInterval',
    'base/timers.ts:3 globalThis.setTimeout',
    'base/timers.ts:4 AbortSignal.timeout',
    'base/timers.ts:1 node:timers/promises',
  ])
  t.end()
})

t.test('what the client reaches and what the SDK needs is found', (t) => {
  const tree = planted(t, {
    'client/a.ts': `import { z } from 'zod'\nimport '../base/b.ts'\n`,
    'base/b.ts': `import { readFileSync } from 'node:fs'\n`,
    'base/c.ts': `import { readFileSync } from 'node:fs'\n`,
    'sdk/d.ts': `import { z } from 'zod'\n`,
  })
  t.same(browserSafety(tree), ['base/b.ts:1 imports node:fs'])
  t.same(sdkIndependence(tree), ['sdk/d.ts:1 imports zod'])
  t.end()
})

t.test('comments, strings, templates and regular expressions do not fool the reader', (t) => {
  const text = [
    `// import './a.ts'`,
    `/* import './b.ts' */ import './c.ts'`,
    'const s = `',
    `import './d.ts' \${await import('./e.ts')} \${\`\${{ x: import('./f.ts') }}\`}`,
    `import './g.ts'`,
    '`',
    `const r = /[/'"\`]\\/'/g, q = 1 / 2; import('./h.ts')`,
    `const p = "import './i.ts'" + 'don\\'t', any = 1`,
    `import j, { k } from "./j.ts"; import { l } from './l.ts'`,
    `export const importer = (from: string) => from`,
  ].join('\n')
  t.same(
    sourceFile('x.ts', text).imports.map(({ specifier, line }) => `${specifier}:${line}`),
    ['./c.ts:2', './e.ts:4', './f.ts:4', './h.ts:7', './j.ts:9', './l.ts:9'],
  )
  t.equal(blank(text).length, text.length)
  t.same(blank(`a // 😀\n'😀' b`), `a      \n'  ' b`)
  t.end()
})

t.test('the lint configuration holds the same floors', (t) => {
  const config = z
    .object({
      overrides: z.array(
        z.object({ files: z.array(z.string()), rules: z.record(z.string(), z.unknown()) }),
      ),
    })
    .parse(JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')))
  const restriction = z.tuple([
    z.literal('error'),
    z.object({ patterns: z.tuple([z.object({ regex: z.string() })]) }),
  ])
  for (const from of FOLDERS) {
    const override = config.overrides.find(({ files }) => files.includes(`src/${from}/**`))
    const [, options] = restriction.parse(override?.rules['no-restricted-imports'])
    const forbidden = new RegExp(options.patterns[0].regex)
    t.same(
      FOLDERS.filter((to) => !forbidden.test(`../../${to}/x.ts`)),
      FOLDERS.filter((to) => mayImport(from, to)),
      `what ${from} may import`,
    )
    t.ok(forbidden.test('../index.ts'), `${from} may not import the door`)
    t.notOk(forbidden.test('./index.ts'), `${from} may have an index of its own`)
  }
  t.end()
})
