import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** Each task reads the one before and returns an interface, an optional key and a union. */
function chainOf(length: number): string {
  const tasks = Array.from({ length }, (_, n) =>
    n === 0
      ? `  .task('t0', { run: async () => ({ rows, n: 1 }) })`
      : `  .task('t${n}', { after: ['t${n - 1}'], retry: { attempts: 2 }, run: async ({ t${n - 1} }, ctx) =>
          ({ rows: t${n - 1}.rows.filter((row) => row.kind === 'a'), n: t${n - 1}.n + ctx.attempt }) })`,
  )
  return [
    `import { workflow } from ${JSON.stringify(join(root, 'src/sdk/index.ts'))}`,
    `interface Row { readonly id: string; readonly at?: string; readonly kind: 'a' | 'b' }`,
    'declare const rows: readonly Row[]',
    `export const flow = workflow('flow')`,
    ...tasks,
  ].join('\n')
}

t.test(
  'a chain of 50 tasks costs the compiler little, and twice the chain not four times',
  async (t) => {
    const folder = t.testdir({})
    const work = async (length: number): Promise<{ instantiations: number; seconds: number }> => {
      const file = join(folder, `chain-${length}.ts`)
      await writeFile(file, chainOf(length))
      const args = [
        join(root, 'node_modules/typescript/lib/tsc.js'),
        ...[
          '--ignoreConfig',
          '--noEmit',
          '--strict',
          '--skipLibCheck',
          '--allowImportingTsExtensions',
        ],
        ...['--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2024'],
        ...['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')],
        ...['--extendedDiagnostics', file],
      ]
      // A bare environment, and not bin/tsc: tap's preload does not fit into the compiler's process.
      const { stdout } = await run(process.execPath, args, { env: {} })
      const figure = (name: string): number =>
        Number(new RegExp(`${name}:\\s+([\\d.]+)`).exec(stdout)?.[1])
      return { instantiations: figure('Instantiations'), seconds: figure('Check time') }
    }
    const [single, double] = [await work(50), await work(100)]
    // The count does not depend on the machine's load; 50,000 of them take about 0.1 s.
    t.ok(single.instantiations < 100_000, `${single.instantiations} instantiations for 50 tasks`)
    t.ok(
      double.instantiations < 3 * single.instantiations,
      `${double.instantiations} for 100 tasks`,
    )
    t.ok(single.seconds < 2, `${single.seconds} s for 50 tasks`)
  },
)
