/**
 * One ESM file of a package's entry and everything it imports but `headgate/sdk`.
 *
 * By esbuild, not rolldown (1.2.19), measured on the two samples and on marked, ajv and mustache in
 * three versions each (Node 26, two cores, median of 9 builds after the first, ms, then bytes):
 *
 *             samples      marked 17         ajv 8.20             mustache 4.2
 *   esbuild   3.4 / 5.4    9.7   53,886      31.6   265,671       2.7   15,382
 *   rolldown  2.8 / 3.5    7.8   51,767      22.4   234,929       3.0   20,915
 *
 * Both made eleven bundles that answered as the libraries do. rolldown is a little quicker and its
 * larger bundles up to 14 % smaller, its small ones up to 36 % larger; it is twice the install (22 MB
 * against 11) and loads in twice the time. Nothing there is worth a second bundler beside the one
 * that builds the rest. `npm run bench -- pack` measures what is in force.
 *
 * The source map lies beside the bundle, without the sources: a stack trace then names the author's
 * file and line, for about a third of the bundle's size and only when an error is looked at.
 */

import { isBuiltin } from 'node:module'
import { posix, resolve } from 'node:path'
import { type BuildOptions, type BuildResult, build, type Plugin } from 'esbuild'
import { HeadgateError } from '../base/errors.ts'
import { bundleFault, placed } from './bundle-fault.ts'
import { dependenciesOf, type Dependency, packageNameOf } from './dependencies.ts'
import { modulePlaces, PLACE_BANNER, PLACE_DEFINES } from './module-place.ts'
import type { OwnPackage } from './own-package.ts'

export interface Bundle {
  /** Relative to the package's top. */
  readonly file: string
  readonly code: string
  readonly map: string
  /** Absolute paths of all that is in it. */
  readonly modules: readonly string[]
  readonly dependencies: readonly Dependency[]
  /** Sentences: what may not be as the author expects. */
  readonly warnings: readonly string[]
}

/** What CommonJS code needs of Node in a bundle that is a module: built-in modules by `require`. */
const REQUIRE_BANNER =
  "import { createRequire as __headgate_require } from 'node:module'\n" +
  'const require = __headgate_require(import.meta.url)\n'

/** Throws BUNDLE_FAILED with file and line, or DEPENDENCY_REFUSED. */
export async function bundlePackage(own: OwnPackage, file: string): Promise<Bundle> {
  const { dir, name, entryFile } = own
  const places = modulePlaces(dir, file)
  const addons = new Map<string, string>()
  const options = {
    absWorkingDir: dir,
    entryPoints: [`./${entryFile}`],
    outfile: resolve(dir, file),
    allowOverwrite: true,
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // A dependency that offers both is smaller and better shaken as a module.
    mainFields: ['module', 'main'],
    external: ['headgate', 'headgate/*'],
    define: { ...PLACE_DEFINES },
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'inline',
    charset: 'utf8',
    metafile: true,
    logLevel: 'silent',
    plugins: [noAddons(addons), places.plugin],
  } as const satisfies BuildOptions
  let result: Built
  try {
    result = await build(options)
    const banner = bannerFor(textOf(result, file), places.asked())
    if (banner !== '') result = await build({ ...options, banner: { js: banner } })
  } catch (fault) {
    const [[addon, importer] = []] = addons
    if (addon !== undefined && importer !== undefined) {
      const why = `it is a native addon (${addon}), built for one platform`
      throw new HeadgateError('DEPENDENCY_REFUSED', { package: name, dependency: importer, why })
    }
    throw bundleFault(name, fault)
  }
  const modules = Object.keys(result.metafile.inputs).map((path) => resolve(dir, path))
  const dependencies = dependenciesOf(modules, dir)
  for (const { name: dependency, refusal } of dependencies) {
    if (refusal === null) continue
    throw new HeadgateError('DEPENDENCY_REFUSED', { package: name, dependency, why: refusal })
  }
  const readers = new Set(places.foreign.map(packageNameOf))
  const warnings = [
    ...result.warnings.map(placed),
    ...[...readers].map(
      (reader) => `${reader} asks where its files lie: only its code is in the bundle`,
    ),
  ]
  const map = textOf(result, `${file}.map`)
  return { file, code: textOf(result, file), map, modules, dependencies, warnings }
}

type Built = BuildResult<{ metafile: true; write: false }>

function noAddons(found: Map<string, string>): Plugin {
  return {
    name: 'no-addons',
    setup(build) {
      build.onResolve({ filter: /\.node$/ }, ({ path, importer }) => {
        if (isBuiltin(path)) return undefined
        found.set(posix.basename(path), packageNameOf(importer))
        return { errors: [{ text: `${path} is a native addon` }] }
      })
    },
  }
}

function bannerFor(code: string, asksPlace: boolean): string {
  // esbuild's helper stands in for every require() that it could not resolve to a module.
  const requires = /^var __require = /m.test(code)
  return `${requires ? REQUIRE_BANNER : ''}${asksPlace ? PLACE_BANNER : ''}`
}

function textOf(result: Built, file: string): string {
  const found = result.outputFiles.find(({ path }) => path.endsWith(posix.basename(file)))
  return found?.text ?? ''
}
