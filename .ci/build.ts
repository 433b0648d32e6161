/**
 * `npm run build [-- DIR]`: the publishable package in dist/, or in DIR. `npm pack ./dist` makes its
 * archive.
 *
 * Node strips no types below node_modules, so what is installed has to be JavaScript, while the
 * repository runs its TypeScript as it is. The two need different `exports`; a package.json that is
 * rewritten for the moment of packing would stay rewritten when packing fails. So dist/ is a package
 * of its own with a manifest derived from the repository's, which is private and refuses to be
 * packed (prepack.js).
 */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { bundleThread } from '../src/generation/thread-bundle.ts'
import { BUILT_FOLDER } from '../src/generation/thread-code.ts'
import { TEMPLATE_FOLDERS } from '../src/packaging/scaffold/templates.ts'

const ROOT = join(import.meta.dirname, '..')
const SHIM = 'src/cli/headgate.js'

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  license: z.string(),
  type: z.literal('module'),
  engines: z.record(z.string(), z.string()),
  bin: z.record(z.string(), z.string()),
  exports: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
})

type Manifest = z.infer<typeof manifestSchema>

build(resolve(process.argv[2] ?? join(ROOT, 'dist')))

function build(target: string): void {
  rmSync(target, { recursive: true, force: true })
  compile(join(target, 'lib'))
  bundle(join(target, 'lib/generation', BUILT_FOLDER))
  const shim = join(target, libPath(SHIM))
  writeFileSync(shim, builtShim(readFileSync(join(ROOT, SHIM), 'utf8')), { mode: 0o755 })
  for (const file of ['README.md', 'LICENSE']) cpSync(join(ROOT, file), join(target, file))
  const folders = templateFolders()
  for (const folder of folders) copyFolder(folder, target)
  const manifest = manifestSchema.parse(
    JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')),
  )
  const files = ['lib', ...folders]
  const text = JSON.stringify(published(manifest, files), null, 2)
  writeFileSync(join(target, 'package.json'), `${text}\n`)
}

function compile(outDir: string): void {
  const compiler = join(ROOT, 'node_modules/typescript/lib/tsc.js')
  const args = [compiler, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', outDir]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

function bundle(folder: string): void {
  mkdirSync(folder)
  for (const [file, text] of Object.entries(bundleThread())) writeFileSync(join(folder, file), text)
}

/** It names modules in a way that no compiler rewrites: for Nodes that know no `import`. */
function builtShim(text: string): string {
  let built = text
  for (const module of ['./main', './helper-threads']) {
    const parts = built.split(`'${module}.ts'`)
    const names = parts.length - 1
    if (names !== 1) throw new Error(`${SHIM} names ${module}.ts ${names} times, not once`)
    built = parts.join(`'${module}.js'`)
  }
  return built
}

/** What `headgate init` copies from, and nothing else that may lie beside it. */
function templateFolders(): string[] {
  return TEMPLATE_FOLDERS.map((folder) => relative(ROOT, folder).replaceAll('\\', '/'))
}

function copyFolder(folder: string, target: string): void {
  mkdirSync(dirname(join(target, folder)), { recursive: true })
  cpSync(join(ROOT, folder), join(target, folder), {
    recursive: true,
    filter: (path) => !path.includes('node_modules', ROOT.length),
  })
}

function published(manifest: Manifest, files: readonly string[]): object {
  const { exports, bin, ...same } = manifest
  return {
    ...same,
    bin: mapValues(bin, libPath),
    exports: mapValues(exports, (path) =>
      path.endsWith('.ts')
        ? {
            types: libPath(path).replace(/\.ts$/, '.d.ts'),
            default: libPath(path).replace(/\.ts$/, '.js'),
          }
        : path,
    ),
    files,
  }
}

function libPath(path: string): string {
  return path.replace(/^(\.\/)?src\//, '$1lib/')
}

function mapValues<T>(record: Readonly<Record<string, string>>, map: (value: string) => T): object {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
