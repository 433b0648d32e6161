import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { parseDescriptor, type RawDescriptor } from '../../src/domain/descriptor.ts'
import { parsePackageJson } from '../../src/domain/package-json.ts'
import { CONTRACT, PACKAGE_MARK, type PackageDefinition } from '../../src/sdk/index.ts'

const root = join(import.meta.dirname, '../..')
const SAMPLES = [
  'packages-dir/analytics_pipeline-2.1.0',
  'packages-dir/.next/analytics_pipeline-2.2.0',
  'packages-dir/.next/analytics_pipeline-2.3.0',
  'packages-dir/marketing_campaigns-1.3.0',
]

/** Exit code and all that was printed. */
async function runNode(
  args: readonly string[],
  cwd: string,
): Promise<readonly [number | null, string]> {
  // A bare environment: the one of this test would tell the child to report to tap.
  const child = spawn(process.execPath, args, { cwd, env: {}, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  const collect = (text: string): void => {
    printed += text
  }
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.on('error', reject).on('close', resolve)
  return [await promise, printed]
}

for (const folder of SAMPLES) {
  t.test(`${folder} passes its own tests in its own folder`, async (t) => {
    const manifest = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'))
    const script: string = manifest.scripts.test
    t.match(script, /^node --test /, 'its npm test is node itself')
    const args = script.slice('node '.length).replaceAll('"', '').split(' ')
    const [code, printed] = await runNode(args, join(root, folder))
    if (code !== 0) t.comment(printed)
    t.equal(code, 0)
    t.match(printed, /\bpass [1-9]/, 'and did run tests')
  })

  t.test(`${folder} is named as its package.json says`, async (t) => {
    const text = await readFile(join(root, folder, 'package.json'), 'utf8')
    const { name, version, author, options } = parsePackageJson(text, folder)
    t.ok(folder.endsWith(`/${name}-${version}`))
    t.ok(author)
    t.equal(options.entry, 'src/index.ts')
    t.strictSame(options.permissions, { net: false, read: [], write: [], env: [] })
  })
}

async function describeSample(folder: string): Promise<RawDescriptor> {
  const { default: definition }: { default: PackageDefinition } = await import(
    join(root, folder, 'src/index.ts')
  )
  return {
    contract: definition[PACKAGE_MARK],
    description: definition.description,
    secrets: [...definition.secrets],
    hasConfig: definition.config !== undefined,
    hasSetup: definition.setup !== undefined,
    hasProbe: definition.probe !== undefined,
    hasTeardown: definition.teardown !== undefined,
    workflows: definition.workflows.map(({ name, options, input, tasks }) => ({
      name,
      options,
      hasInput: input !== undefined,
      tasks: tasks.map((task) => ({ name: task.name, options: task.options })),
    })),
  }
}

t.test('the executor accepts what the builder recorded', async (t) => {
  for (const folder of SAMPLES.filter((sample) => !sample.endsWith('2.3.0'))) {
    const raw = await describeSample(folder)
    const descriptor = parseDescriptor(raw, { package: 'sample', version: '1.0.0' })
    t.equal(descriptor.contract, CONTRACT)
    t.strictSame(
      descriptor.workflows.map(({ tasks }) => tasks.length),
      [folder.includes('analytics') ? 4 : 2],
    )
  }
})

t.test('the broken version is refused with the task it probably meant', async (t) => {
  const raw = await describeSample('packages-dir/.next/analytics_pipeline-2.3.0')
  try {
    parseDescriptor(raw, { package: 'analytics_pipeline', version: '2.3.0' })
    t.fail('it was accepted')
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error
    t.equal(error.code, 'GRAPH_INVALID')
    t.match(error.message, /transform_dta.*transform_data/)
  }
})

t.test('the tables are those of vega-datasets, made by the rule in data/README.md', async (t) => {
  const source = join(root, 'node_modules/vega-datasets/data')
  const flights: readonly Record<string, string | number>[] = JSON.parse(
    await readFile(join(source, 'flights-2k.json'), 'utf8'),
  )
  const used = new Set(flights.flatMap(({ origin, destination }) => [origin, destination]))
  const lines = (await readFile(join(source, 'airports.csv'), 'utf8')).trimEnd().split(/\r?\n/)
  const airports = lines
    .map((line) => [...line.matchAll(/(?:"([^"]*)"|([^,]*))(?:,|$)/g)].map(([, a, b]) => a ?? b))
    .filter(([iata = '']) => used.has(iata))
    .map(([iata, name, city, state, , latitude, longitude]) => {
      return { iata, name, city, state, latitude: Number(latitude), longitude: Number(longitude) }
    })
  for (const folder of SAMPLES.slice(0, 2)) {
    const data = join(root, folder, 'data')
    t.equal(await readFile(join(data, 'flights.json'), 'utf8'), oneALine(flights))
    t.equal(await readFile(join(data, 'airports.json'), 'utf8'), oneALine(airports))
  }
})

function oneALine(rows: readonly object[]): string {
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`
}
