/**
 * Real npm libraries wrapped as packages: a markdown parser, a schema validator and a template
 * engine, each in three of its versions. The source folder has its own node_modules, as after
 * `npm install`.
 */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface LibraryPackage {
  readonly library: 'marked' | 'ajv' | 'mustache'
  /** The name under which this repository has that version installed. */
  readonly installed: string
  readonly version: string
  /** Namespace of a task that uses the library. */
  readonly task: string
  readonly input: unknown
  /** The part `result` of what the task answers. */
  readonly result: unknown
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

const MARKED = `
import { marked } from 'marked'
const use = (input: { text: string }) => marked.parse(input.text, { async: false })
`
/** CommonJS, and functions made from text at run time. */
const AJV = `
import Ajv from 'ajv'
const check = new Ajv().compile({
  type: 'object',
  properties: { day: { type: 'string' }, limit: { type: 'integer', minimum: 1 } },
  required: ['day'],
  additionalProperties: false,
})
const use = (input: unknown) =>
  check(input) ? [] : (check.errors ?? []).map(({ keyword, instancePath }) => ({ keyword, instancePath }))
`
const MUSTACHE = `
import Mustache from 'mustache'
const use = (input: { name: string }) => Mustache.render('Hello {{name}}{{{end}}}', { ...input, end: '!' })
`

const SHAPES = {
  marked: { source: MARKED, input: { text: '# A *b*' }, result: '<h1>A <em>b</em></h1>\n' },
  ajv: {
    source: AJV,
    input: { day: 'x', limit: 0 },
    result: [{ keyword: 'minimum', instancePath: '/limit' }],
  },
  mustache: { source: MUSTACHE, input: { name: '<Ada>' }, result: 'Hello &lt;Ada&gt;!' },
} as const

const INSTALLED: Readonly<Record<LibraryPackage['library'], readonly string[]>> = {
  marked: ['marked-15', 'marked-16', 'marked-17'],
  ajv: ['ajv-8-12', 'ajv-8-17', 'ajv-8-20'],
  mustache: ['mustache-4-0', 'mustache-4-1', 'mustache-4-2'],
}

/** Lowest version first. */
export function libraryPackages(library: LibraryPackage['library']): readonly LibraryPackage[] {
  const { input, result } = SHAPES[library]
  return INSTALLED[library].map((installed) => ({
    library,
    installed,
    version: String(packageJson(join(REPOSITORY, 'node_modules', installed))['version']),
    task: `public::with_${library}::w::use`,
    input,
    result,
  }))
}

/** Writes the source folder `<parent>/with_<library>-<version>` and returns its path. */
export function writeLibraryPackage(parent: string, wrapped: LibraryPackage): string {
  const { library, installed, version } = wrapped
  const dir = join(parent, `with_${library}-${version}`)
  install(join(REPOSITORY, 'node_modules', installed), library, join(dir, 'node_modules'))
  const manifest = {
    name: `with_${library}`,
    version,
    type: 'module',
    headgate: { entry: 'src/index.ts' },
    dependencies: { [library]: version },
  }
  mkdirSync(join(dir, 'src'))
  writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(
    join(dir, 'src', 'index.ts'),
    `import { definePackage, workflow } from 'headgate/sdk'
${SHAPES[library].source}
const w = workflow('w').task('use', {
  run: (_, { input }) => ({ version: '${version}', result: use(input as never) as unknown }),
})
export default definePackage({ workflows: [w] })
`,
  )
  return dir
}

/** Copies a library and what it depends on, flat, as npm would where nothing clashes. */
function install(from: string, name: string, to: string): void {
  cpSync(from, join(to, name), { recursive: true, dereference: true })
  const { dependencies = {} } = packageJson(from)
  const require = createRequire(join(from, 'package.json'))
  for (const dependency of Object.keys(dependencies)) {
    // Not every package lets its package.json be resolved, and some are called as a built-in module.
    const folder = require.resolve
      .paths(`${dependency}/package.json`)
      ?.map((modules) => join(modules, dependency))
      .find((path) => hasPackageJson(path))
    if (folder === undefined) throw new Error(`${name} needs ${dependency}, which is not installed`)
    install(folder, dependency, to)
  }
}

function hasPackageJson(folder: string): boolean {
  try {
    packageJson(folder)
    return true
  } catch {
    return false
  }
}

function packageJson(folder: string): {
  readonly dependencies?: Readonly<Record<string, string>>
} & {
  readonly version?: unknown
} {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
