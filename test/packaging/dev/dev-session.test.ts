import { mkdirSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { untilLooked } from '../../executor/helpers.ts'
import { own } from '../author.ts'
import { type Event, openWorkbench, SAMPLES, type Workbench } from './workbench.ts'

/** One workflow `w` with a task `t` that answers `expression`. */
function saying(expression: string, before = ''): string {
  return `${before}
export default definePackage({ workflows: [workflow('w')
  .task('t', { run: () => (${expression}) })
] })
`
}

function answer({ executor }: Workbench, workflow = 'w', input: unknown = {}): Promise<unknown> {
  return executor.invoke(`public::own::${workflow}`, input)
}

const isServing = ({ type }: Event): boolean => type === 'serving'

t.test('a save of a sample is served, by whatever way an editor writes it', async (t) => {
  const bench = await openWorkbench(t, { from: join(SAMPLES, 'analytics_pipeline-2.1.0') })
  t.match(bench.events, [{ type: 'serving', version: '2.1.0-dev.1', changed: [] }])
  const file = 'src/workflow.ts'
  const text = bench.read(file)
  const ways: Record<string, (text: string) => void> = {
    'in place': (text) => writeFileSync(bench.path(file), text),
    'by rename': (text) => {
      writeFileSync(bench.path(`${file}.part`), text)
      renameSync(bench.path(`${file}.part`), bench.path(file))
    },
    'by delete and rename': (text) => {
      writeFileSync(bench.path(`${file}~`), text)
      unlinkSync(bench.path(file))
      renameSync(bench.path(`${file}~`), bench.path(file))
    },
    'with a backup aside': (text) => {
      renameSync(bench.path(file), bench.path(`${file}~`))
      writeFileSync(bench.path(file), text)
      unlinkSync(bench.path(`${file}~`))
    },
  }
  for (const [at, [way, save]] of Object.entries(ways).entries()) {
    const version = `2.1.0-dev.${at + 2}`
    const next = bench.next()
    save(text.replaceAll('generate_reports', `reports_${at}`))
    t.match(await next, { type: 'serving', version, changed: [file], again: false }, way)
    const ran = await bench.executor.invokeJson(
      'public::analytics_pipeline::analytics_workflow',
      '{"limit":2}',
    )
    t.match(ran, { version, json: `{"reports_${at}":` }, way)
  }
  t.equal(bench.events.length, 5, 'one version a save')
})

t.test(
  'what cannot serve is told with its place, and the last good version serves on',
  async (t) => {
    const bench = await openWorkbench(t, { from: own(saying('1')) })
    const entry = bench.path('src/index.ts')
    const good = bench.read('src/index.ts')
    let value = 1
    const broken = async (files: Record<string, string>, expected: object, what: string) => {
      const next = bench.next()
      for (const [file, text] of Object.entries(files)) bench.write(file, text)
      const servesOn = bench.executor.package('public', 'own')?.activeVersion
      t.match(await next, { type: 'refused', servesOn, ...expected }, what)
      t.strictSame(await answer(bench), { t: value }, `${what}: the last good one answers`)
      value++
      const served = bench.next(isServing)
      bench.write('src/index.ts', good.replace('(1)', `(${value})`))
      t.match(await served, { again: true }, `${what}: mended`)
      t.strictSame(await answer(bench), { t: value }, `${what}: the mended one answers`)
    }
    const entryWith = (text: string): Record<string, string> => ({
      'src/index.ts': `import { definePackage, workflow } from 'headgate/sdk'\n${text}`,
    })
    await broken(
      entryWith('const x = = 3'),
      {
        error: { code: 'BUNDLE_FAILED' },
        places: [{ file: entry, line: 2, column: 11, text: 'Unexpected "="' }],
      },
      'a syntax error',
    )
    await broken(
      entryWith(saying('1', "import './gone.ts'")),
      { error: { code: 'BUNDLE_FAILED' }, places: [{ file: entry, line: 2, column: 8 }] },
      'an import of nothing',
    )
    await broken(
      entryWith(
        `export default definePackage({ workflows: [workflow('w')
  .task('t', { run: () => 1 })
  .task('u', { after: ['tt'], run: () => 1 })] })`,
      ),
      { error: { code: 'GRAPH_INVALID' }, places: [{ file: entry, line: 4, column: 25 }] },
      'an unknown dependency',
    )
    await broken(
      entryWith(
        `export default definePackage({ workflows: [workflow('w')
  .task('t', { run: () => 1 })
  .task('u', {
    timeuot: '3s', run: () => 1 })] })`,
      ),
      { error: { code: 'DEFINITION_INVALID' }, places: [{ file: entry, line: 5, column: 5 }] },
      'an unknown option',
    )
    await broken(
      {
        'src/deep/fail.ts': `export function fail(): never {\n  throw new TypeError('no luck')\n}\n`,
        ...entryWith(
          `import { fail } from './deep/fail.ts'
export default definePackage({ workflows: [workflow('w').task('t', { run: () => 1 })],
  setup: () => fail() })`,
        ),
      },
      {
        error: { code: 'SETUP_FAILED', message: /no luck/ },
        places: [{ file: bench.path('src/deep/fail.ts'), line: 2, column: 9 }],
      },
      'a setup that throws',
    )
    await broken(
      entryWith(`throw new Error('at once')\n${saying('1')}`),
      { error: { code: 'LOAD_FAILED' }, places: [{ file: entry, line: 2, column: 7 }] },
      'a module that throws',
    )
  },
)

t.test(
  'a broken package.json, a missing entry and a folder that is gone are survived',
  async (t) => {
    const bench = await openWorkbench(t, { from: own(saying('1')) })
    const json = bench.read('package.json')
    const refused = async (expected: object, act: () => void): Promise<void> => {
      const next = bench.next()
      act()
      t.match(await next, { type: 'refused', servesOn: '1.0.0-dev.1', ...expected })
    }
    await refused(
      { error: { code: 'PACKAGE_JSON_INVALID' }, places: [{ line: 2, column: 2 }] },
      () => bench.write('package.json', '{\n}}'),
    )
    await refused(
      {
        error: { code: 'PACKAGE_JSON_INVALID' },
        places: [{ file: bench.path('package.json'), line: 3, column: 18 }],
      },
      () =>
        bench.write(
          'package.json',
          '{ "name": "own", "version": "1.0.0",\n  "type": "module",\n  "headgate": { "entri": "x" } }',
        ),
    )
    await refused({ error: { code: 'ENTRY_MISSING' } }, () =>
      bench.write('package.json', json.replace('src/index.ts', 'src/main.ts')),
    )
    await refused({ error: { code: 'PATH_NOT_FOUND' } }, () =>
      renameSync(bench.dir, `${bench.dir}-2`),
    )
    t.strictSame(await answer(bench), { t: 1 })
    const served = bench.next(isServing)
    mkdirSync(bench.dir)
    for (const [file, text] of Object.entries(own(saying('2')))) bench.write(file, text)
    t.match(await served, { again: true })
    t.strictSame(await answer(bench), { t: 2 })
    const next = bench.next()
    bench.edit('src/index.ts', '(2)', '(3)')
    t.match(await next, { type: 'serving' }, 'the folder that came back is watched')
    rmSync(`${bench.dir}-2`, { recursive: true })
  },
)

t.test('of a burst of saves the last one is served', async (t) => {
  const bench = await openWorkbench(t, { from: own(saying('0')) })
  const text = bench.read('src/index.ts')
  const last = bench.next(({ changed }) => changed.includes('done.txt'))
  for (let save = 1; save <= 60; save++) {
    bench.write('src/index.ts', text.replace('(0)', `(${save})`))
    // Between them the session gets its turns, so that some fall into a build.
    await bench.executor.reconcile()
  }
  bench.write('done.txt', '')
  t.match(await last, { type: 'serving' })
  t.strictSame(await answer(bench), { t: 60 })
  t.ok(bench.events.length < 60, `${bench.events.length} versions of 60 saves`)
  t.ok(bench.events.every(isServing), 'none of them was half a save')
})

t.test(
  'the same bytes written again make no version, unless the last one was refused',
  async (t) => {
    const bench = await openWorkbench(t, { from: own(saying('1')) })
    bench.write('src/index.ts', bench.read('src/index.ts'))
    utimesSync(bench.path('package.json'), new Date(), new Date())
    const next = bench.next()
    bench.write('README.md', 'changed')
    t.match(await next, { changed: ['README.md'], version: '1.0.0-dev.2' })
    bench.write('src/index.ts', 'oops(')
    t.match(await bench.next(), { type: 'refused' })
    const again = bench.next()
    bench.write('src/index.ts', 'oops(')
    t.match(await again, { type: 'refused' }, 'refused once more, as it was saved once more')
  },
)

t.test('dependencies are bundled, and followed when they change or are installed', async (t) => {
  const before = "import { word } from 'words'\nenum Colour { Red = 7 }"
  const bench = await openWorkbench(t, { from: own(saying('[word, Colour.Red]', before)) })
  t.match(bench.events, [{ type: 'refused', servesOn: null, error: { code: 'BUNDLE_FAILED' } }])
  t.match(bench.events, [{ places: [{ line: 2, text: /Could not resolve "words"/ }] }])
  const installed = bench.next(isServing)
  const dependency = { name: 'words', version: '1.0.0', type: 'module', main: 'index.js' }
  bench.write('node_modules/words/package.json', JSON.stringify(dependency))
  bench.write('node_modules/words/index.js', "export const word = 'first'\n")
  bench.write('node_modules/.package-lock.json', '{"packages":{}}')
  await installed
  t.strictSame(await answer(bench), { t: ['first', 7] })
  const changed = bench.next(isServing)
  bench.write('node_modules/words/index.js', "export const word = 'second'\n")
  t.match(await changed, { changed: ['node_modules/words/index.js'] })
  t.strictSame(await answer(bench), { t: ['second', 7] })
})

t.test('neither drops nor artifacts pile up', async (t) => {
  const bench = await openWorkbench(t, { from: own(saying('0')) })
  for (let save = 1; save <= 6; save++) {
    const next = bench.next()
    bench.edit('src/index.ts', /\(\d+\)|oops\(/, save === 3 ? 'oops(' : `(${save})`)
    await next
  }
  t.strictSame(bench.kept().drops, ['dev-6'], 'a save that made no version has no number')
  await untilLooked(bench.executor, 'one artifact to be left', () => {
    const { artifacts } = bench.kept()
    return artifacts.filter((name) => /^[0-9a-f]{64}$/.test(name)).length === 1
  })
  t.strictSame(await answer(bench), { t: 6 })
  await untilLooked(bench.executor, 'one version to be known', () => {
    const versions = bench.executor.package('public', 'own')?.versions
    return versions?.length === 1 && versions[0]?.version === '1.0.0-dev.6'
  })
})

t.test(
  'when too many old versions still run, the save is served as soon as one has ended',
  async (t) => {
    const text = `export default definePackage({ workflows: [
  workflow('hold').task('t', { run: (_, ctx) => new Promise((_, end) => {
    ctx.log.info('held'); ctx.signal.onabort = () => end(new Error('let go')) }) }),
  workflow('w').task('t', { run: () => (0) }),
] })`
    const bench = await openWorkbench(t, { from: own(text) })
    const held: { readonly stop: AbortController; readonly ended: Promise<unknown> }[] = []
    for (let save = 1; save <= 4; save++) {
      const stop = new AbortController()
      const begun = bench.executor.events.once('log')
      const call = bench.executor.invoke('public::own::hold', {}, { signal: stop.signal })
      held.push({ stop, ended: call.catch(() => {}) })
      await begun
      const next = bench.next()
      bench.edit('src/index.ts', /\(\d\)/, `(${save})`)
      const event = await next
      if (save < 4) t.match(event, { type: 'serving' })
      else t.match(event, { type: 'refused', error: { code: 'GENERATION_LIMIT' } })
    }
    t.strictSame(await answer(bench), { t: 3 })
    const served = bench.next(isServing)
    held[0]?.stop.abort()
    t.match(await served, { again: true })
    t.strictSame(await answer(bench), { t: 4 })
    for (const { stop } of held) stop.abort()
    await Promise.all(held.map(({ ended }) => ended))
  },
)

t.test('a package that gets another name, or a lower version, is served under it', async (t) => {
  const bench = await openWorkbench(t, { from: own(saying('1')) })
  const next = bench.next()
  bench.edit('package.json', '"1.0.0"', '"0.9.0-beta.1"')
  t.match(await next, { type: 'serving', version: '0.9.0-beta.1.dev.2' })
  t.match(await bench.executor.invokeJson('public::own::w', ''), { version: '0.9.0-beta.1.dev.2' })
  const renamed = bench.next()
  bench.edit('package.json', '"own"', '"owned"')
  t.match(await renamed, { type: 'serving', package: 'owned' })
  t.strictSame(await bench.executor.invoke('public::owned::w'), { t: 1 })
  await untilLooked(
    bench.executor,
    'the old name to be unrouted',
    // Of a package of which nothing is left there is no row.
    () => (bench.executor.package('public', 'own')?.activeVersion ?? null) === null,
  )
  t.equal(bench.executor.package('public', 'owned')?.activeVersion, '0.9.0-beta.1.dev.3')
})
