/** The library in the words of packages: load one from a path, register it for tenants, call tasks. */

import { cpSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  type Executor,
  type LoadWorkflowPackageOptions,
  loadWorkflowPackage,
} from '../../src/index.ts'
import { tgzOf } from '../source/tar-bytes.ts'
import { bench, said, write } from './registration-bench.ts'
import {
  active,
  failure,
  failures,
  type Made,
  make,
  makePlace,
  makeTasks,
  row,
  SAY,
  say,
  start,
} from './helpers.ts'

const SAMPLES = fileURLToPath(new URL('../../packages-dir', import.meta.url))

/** Two workflows, `daily` and `weekly`. */
function two(version: string): Made {
  return make(
    'reports',
    version,
    `export default definePackage({ workflows: [
      workflow('daily')${SAY}, workflow('weekly')${SAY}.task('sum', { run: () => 1 })] })`,
  )
}

t.test(
  'the package of the seed: metadata, registration, a task by name and by parts',
  async (t) => {
    const place = makePlace(t)
    const executor = await start(t, place)
    const folder = join(place.root, 'anywhere')
    cpSync(join(SAMPLES, 'marketing_campaigns-1.3.0'), folder, { recursive: true })
    const pkg = await loadWorkflowPackage(folder, { executor })
    t.match(pkg.metadata, {
      package: 'marketing_campaigns',
      version: '1.3.0',
      description: 'Automated marketing campaign management',
      author: 'Marketing Team',
      fingerprint: /^[0-9a-f]{64}$/,
    })
    t.same(executor.packages(), [], 'nobody has it yet')

    const namespaces = await pkg.registerTasks('retail_co', 'campaign_mgmt')
    t.same(namespaces, [
      'retail_co::marketing_campaigns::campaign_mgmt::segment_customers',
      'retail_co::marketing_campaigns::campaign_mgmt::create_campaigns',
    ])
    const served = executor.package('retail_co', 'marketing_campaigns')
    t.equal(served?.activeVersion, '1.3.0')
    t.same(served?.versions, [
      {
        version: '1.3.0',
        digest: pkg.metadata.fingerprint,
        entry: folder,
        promotion: 'auto',
        signatures: [],
        doubt: null,
      },
    ])
    t.match(served?.workflows, [
      { name: 'marketing_workflow', aliasOf: undefined },
      {
        name: 'campaign_mgmt',
        aliasOf: 'marketing_workflow',
        namespace: 'retail_co::marketing_campaigns::campaign_mgmt',
        tasks: [{ name: 'segment_customers' }, { name: 'create_campaigns' }],
      },
    ])

    const task = executor.getTask(
      'retail_co::marketing_campaigns::campaign_mgmt::segment_customers',
    )
    t.equal(task.namespace, namespaces[0])
    const segments = await task({ input: {} })
    t.type(segments, 'object')
    const parts = {
      tenant: 'retail_co',
      package: 'marketing_campaigns',
      workflow: 'marketing_workflow',
      task: 'segment_customers',
    }
    t.same(await executor.getTask(parts)({ input: {} }), segments, 'under its own name too')
    const whole = await executor.invoke('retail_co::marketing_campaigns::campaign_mgmt', {})
    t.same(whole, await executor.invoke('retail_co::marketing_campaigns::marketing_workflow', {}))
    t.match(await failure(executor.invoke('public::marketing_campaigns::marketing_workflow', {})), {
      code: 'UNKNOWN_PACKAGE',
    })
  },
)

t.test('source folder, packed folder and archive are the same package', async (t) => {
  const { place, executor } = await bench(t)
  const made = said('mailer', '1.0.0')
  const source = write(place, made)
  place.drop(made, 'packed')
  const packed = join(place.root, 'packed')
  renameSync(place.path('packed'), packed)
  const archive = join(place.root, 'mailer.tgz')
  writeFileSync(archive, tgzOf(made.files))
  const link = join(place.root, 'link')
  symlinkSync(source, link)
  const prints = new Set<string>()
  const numbers = new Set<number | null>()
  for (const path of [source, packed, archive, link]) {
    const pkg = await loadWorkflowPackage(path, { executor })
    t.match(pkg.metadata, { package: 'mailer', version: '1.0.0', description: null, author: null })
    prints.add(pkg.metadata.fingerprint)
    t.same(await pkg.registerTasks('acme'), ['acme::mailer::w::say'])
    numbers.add(row(executor, 'mailer', 'acme').activeGeneration)
  }
  t.equal(prints.size, 1)
  t.equal(numbers.size, 1, 'registered four times, loaded once')
})

t.test('a path is taken against the working directory of the call', async (t) => {
  const { place, executor } = await bench(t)
  const folder = write(place, said('mailer', '1.0.0'))
  process.chdir(folder)
  const loading = loadWorkflowPackage('.', { executor })
  process.chdir(join(place.root, 'cwd'))
  t.equal((await loading).metadata.package, 'mailer')
})

t.test('what was loaded is registered, whatever has become of the path', async (t) => {
  const { place, executor } = await bench(t)
  const folder = write(place, said('mailer', '1.0.0'))
  const pkg = await loadWorkflowPackage(folder, { executor })
  rmSync(folder, { recursive: true })
  t.same(await pkg.registerTasks('acme'), ['acme::mailer::w::say'])
  t.match(await say(executor, 'mailer', {}, 'acme'), { version: '1.0.0' })
  await executor.reconcile()
  await executor.reconcile()
  t.equal(active(executor, 'mailer', 'acme'), '1.0.0', 'no look at the folder removes it')
})

t.test('two tenants have the same package apart', async (t) => {
  const needs = makeTasks('mailer', '1.1.0', SAY, { permissions: { env: ['HOME'] } })
  const { executor, load } = await bench(t, {
    tenants: { acme: { packages: { mailer: { permissions: { env: ['HOME'] } } } } },
  })
  const first = await load(said('mailer', '1.0.0'))
  await Promise.all(['acme', 'globex'].map((tenant) => first.registerTasks(tenant)))
  const before = row(executor, 'mailer', 'globex')
  t.not(row(executor, 'mailer', 'acme').activeGeneration, before.activeGeneration)
  for (let i = 0; i < 3; i++) await say(executor, 'mailer', {}, 'acme')
  await say(executor, 'mailer', {}, 'globex')
  const served = (tenant: string): number | undefined =>
    row(executor, 'mailer', tenant).generations.find(({ version }) => version === '1.0.0')?.served
  t.equal(served('acme'), 3)
  t.equal(served('globex'), 1)

  const second = await load(needs)
  await second.registerTasks('acme', 'other_id')
  t.match(await failure(second.registerTasks('globex')), { code: 'PERMISSION_NOT_GRANTED' })
  t.match(await say(executor, 'mailer', {}, 'acme'), { version: '1.1.0' })
  t.match(await say(executor, 'mailer', {}, 'globex'), {
    version: '1.0.0',
    generation: before.activeGeneration,
  })
  t.same(
    row(executor, 'mailer', 'globex').versions.map(({ version }) => version),
    ['1.0.0'],
  )
  t.same(row(executor, 'mailer', 'globex').refusals, [])
  t.match(await executor.invoke('acme::mailer::other_id::say', {}), { version: '1.1.0' })
  t.match(await failure(executor.invoke('globex::mailer::other_id::say', {})), {
    code: 'UNKNOWN_WORKFLOW',
  })
})

t.test('task ids that clash between two packages are two tasks', async (t) => {
  const { executor, load } = await bench(t)
  const task = (text: string): string => `.task('say', { run: () => '${text}' })`
  const packages = [
    makeTasks('analytics', '1.0.0', task('from analytics')),
    makeTasks('marketing', '1.0.0', task('from marketing')),
  ]
  const found = await Promise.all(
    packages.map(async (made) => (await load(made)).registerTasks('acme', 'same_id')),
  )
  const namespaces = found.flat()
  t.same(namespaces, ['acme::analytics::same_id::say', 'acme::marketing::same_id::say'])
  const answers = namespaces.map((namespace) => executor.getTask(namespace)())
  t.same(await Promise.all(answers), ['from analytics', 'from marketing'])
})

t.test('a broken package is refused with its code and leaves nothing', async (t) => {
  const { place, executor, load } = await bench(t)
  const cycle = `.task('a', { after: ['b'], run: () => 1 }).task('b', { after: ['a'], run: () => 1 })`
  const broken: readonly (readonly [Made, string])[] = [
    [makeTasks('mailer', '2.0.0', cycle), 'GRAPH_INVALID'],
    [make('mailer', '2.0.1', `throw new Error('no luck')`), 'LOAD_FAILED'],
    [
      make(
        'mailer',
        '2.0.2',
        `export default { [Symbol.for('headgate.package')]: 1, secrets: [], workflows: [
           { name: 'w', options: {}, tasks: [{ name: 't', run() {}, options: { retries: 3 } }] }] }`,
      ),
      'DEFINITION_INVALID',
    ],
    [
      make(
        'mailer',
        '2.0.3',
        `export default definePackage({ probe: () => { throw new Error('no') },
           workflows: [workflow('w')${SAY}] })`,
      ),
      'PROBE_FAILED',
    ],
  ]
  for (const [made, code] of broken) {
    const pkg = await load(made)
    t.match(await failure(pkg.registerTasks('acme')), { code })
    t.match(await failure(pkg.registerTasks('acme')), { code }, 'and again')
  }
  t.equal(executor.package('acme', 'mailer'), undefined)
  t.same(executor.packages(), [])
  t.match(executor.status(), { packages: 0, threads: 0, refusals: [] })

  await (await load(said('mailer', '1.0.0'))).registerTasks('acme')
  for (const [made, code] of broken) {
    t.match(await failure((await load(made)).registerTasks('acme')), { code })
  }
  const left = row(executor, 'mailer', 'acme')
  t.match(left, { activeVersion: '1.0.0', versions: [{ version: '1.0.0' }], refusals: [] })
  t.equal(left.generations.length, 1)
  t.match(await say(executor, 'mailer', {}, 'acme'), { version: '1.0.0' })

  const unread: readonly (readonly [string, string])[] = [
    [join(place.root, 'nowhere'), 'PATH_NOT_FOUND'],
    ['/dev/null', 'DROP_UNSUPPORTED'],
    [write(place, { name: 'x', version: '1.0.0', files: { a: '' } }), 'PACKAGE_JSON_MISSING'],
    [write(place, make('x', '1.0.0', '', { entry: 'none.js' })), 'ENTRY_MISSING'],
    [write(place, make('x', '1.0', '')), 'VERSION_INVALID'],
    [join(write(place, said('x', '1.0.0')), 'index.js'), 'ARCHIVE_NOT_GZIP'],
  ]
  for (const [path, code] of unread) {
    t.match(await failure(loadWorkflowPackage(path, { executor })), { code }, path)
  }
})

t.test('with several workflows the second argument must name one', async (t) => {
  const { executor, load } = await bench(t)
  await (await load(two('1.0.0'))).registerTasks('acme', 'weekly')
  t.match(row(executor, 'reports', 'acme').workflows, [{ name: 'daily' }, { name: 'weekly' }])
  t.equal(row(executor, 'reports', 'acme').workflows.length, 2, 'no alias')
  const pkg = await load(two('2.0.0'))
  const unknown = await failure(pkg.registerTasks('acme', 'weekli'))
  t.equal(unknown.code, 'UNKNOWN_WORKFLOW')
  t.match(unknown.message, /reports@2\.0\.0 has no workflow weekli; did you mean weekly\?/)
  t.match(row(executor, 'reports', 'acme'), {
    activeVersion: '1.0.0',
    versions: [{ version: '1.0.0' }],
    refusals: [],
  })
  t.equal((await executor.receipts({ limit: 10 })).length, 1, 'no swap came of it')
  t.same(await pkg.registerTasks('acme', 'daily'), [
    'acme::reports::daily::say',
    'acme::reports::weekly::say',
    'acme::reports::weekly::sum',
  ])
  t.equal(active(executor, 'reports', 'acme'), '2.0.0')
  t.match(await failure(pkg.registerTasks('acme', 'monthly')), { code: 'UNKNOWN_WORKFLOW' })
  t.equal(active(executor, 'reports', 'acme'), '2.0.0', 'what serves is left alone')
  for (const [tenant, workflow] of [
    ['Acme', 'daily'],
    ['acme', 'Daily'],
    ['acme', 'a::b'],
    ['__proto__', 'daily'],
  ] as const) {
    t.match(await failure(pkg.registerTasks(tenant, workflow)), { code: 'NAME_INVALID' })
  }
})

t.test('another id gives way to a workflow of that very name', async (t) => {
  const { executor, load } = await bench(t)
  const named = (version: string, ...names: readonly string[]): Made =>
    make(
      'mailer',
      version,
      `export default definePackage({ workflows: [${names
        .map((name) => `workflow('${name}').task('say', { run: () => '${name} ' + VERSION })`)
        .join()}] })`,
    )
  const call = (): Promise<unknown> => executor.invoke('acme::mailer::mails::say')
  await (await load(named('1.0.0', 'w'))).registerTasks('acme', 'mails')
  t.equal(await call(), 'w 1.0.0')
  await (await load(named('1.1.0', 'w'))).registerTasks('acme')
  t.equal(await call(), 'w 1.1.0', 'the id belongs to the package, not to a version')
  await (await load(named('1.2.0', 'w', 'mails'))).registerTasks('acme')
  t.equal(await call(), 'mails 1.2.0')
  t.equal(row(executor, 'mailer', 'acme').workflows.length, 2)
})

t.test('a task that is not there is refused when it is asked for', async (t) => {
  const { executor, load } = await bench(t)
  const pkg = await load(said('mailer', '1.0.0'))
  await pkg.registerTasks('acme')
  const codeOf = async (task: Parameters<Executor['getTask']>[0]): Promise<string> => {
    const error = await failure(Promise.resolve().then(() => executor.getTask(task)))
    return `${error.code} ${error.message}`
  }
  t.match(await codeOf('acm::mailer::w::say'), /^UNKNOWN_PACKAGE tenant acm has no package mailer/)
  t.match(await codeOf('acme::mailr::w::say'), /^UNKNOWN_PACKAGE .*did you mean mailer\?/)
  t.match(await codeOf('acme::mailer::v::say'), /^UNKNOWN_WORKFLOW .*did you mean w\?/)
  t.match(await codeOf('acme::mailer::w::sai'), /^UNKNOWN_TASK .*did you mean say\?/)
  t.match(await codeOf('acme::mailer::w'), /^NAMESPACE_INVALID .*a task is wanted/)
  t.match(await codeOf('acme'), /^NAMESPACE_INVALID/)
  const parts = { tenant: 'acme', package: 'mailer', workflow: 'w', task: 'say' }
  t.match(await codeOf({ ...parts, task: 'sai' }), /^UNKNOWN_TASK/)
  t.match(await codeOf({ ...parts, workflow: 'w::say' }), /^NAME_INVALID/)
  const typo = { ...parts, tasc: 'say' }
  t.match(await codeOf(typo), /^OPTION_INVALID .*unknown key "tasc"; did you mean task\?/)
  t.equal(executor.getTask(parts).namespace, 'acme::mailer::w::say')
})

t.test('wrong arguments and a closed executor are told apart', async (t) => {
  const { place, executor, load } = await bench(t)
  const pkg = await load(said('mailer', '1.0.0'))
  const wrong = (options: unknown, path: unknown = '.'): Promise<unknown> =>
    loadWorkflowPackage(path as string, options as LoadWorkflowPackageOptions)
  const errors = await failures([
    wrong(undefined),
    wrong({}),
    wrong({ executor: {} }),
    wrong({ executor, executer: executor }),
    wrong({ executor }, ''),
    wrong({ executor }, 7),
  ])
  for (const error of errors) t.equal(error.code, 'OPTION_INVALID', error.message)
  t.match(errors[3]?.message, /did you mean executor\?/)
  const path = write(place, said('other', '1.0.0'))
  await executor.close()
  const late = await failures([pkg.registerTasks('acme'), loadWorkflowPackage(path, { executor })])
  t.same(
    late.map(({ code }) => code),
    ['EXECUTOR_CLOSING', 'EXECUTOR_CLOSING'],
  )
})
