/**
 * Everything that a thread for packages runs of headgate, in a few files.
 *
 * The thread entry reaches some forty modules. Node finds, reads and links each by itself: 15 ms of
 * CPU in every thread that starts, beside versions that serve. Bundled it takes 3.
 *
 * Used when headgate is built, and when it runs from its TypeScript.
 */

import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type * as Esbuild from 'esbuild'
import { HeadgateError } from '../base/errors.ts'

/** Modules that a thread, or a package in it, names; by the bundle's file. */
const ENTRIES = {
  'entry.mjs': 'generation/thread/entry',
  'sdk.mjs': 'sdk/index',
} as const

export type BundleEntry = keyof typeof ENTRIES

/** Floors that the thread entry imports from. */
export const THREAD_FLOORS = ['generation/thread', 'hosting', 'base', 'protocol', 'sdk'] as const

/** The folder of all floors, absolute. */
export const SOURCES: string = fileURLToPath(new URL('..', import.meta.url))

/**
 * Names and texts of the bundle's files: those of ENTRIES and what both share. From TypeScript only.
 * Throws INTERNAL when the entry reaches a module outside THREAD_FLOORS.
 */
export function bundleThread(): Record<string, string> {
  const { buildSync } = loadEsbuild()
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: SOURCES,
    entryPoints: Object.entries(ENTRIES).map(([file, module]) => ({
      in: `./${module}.ts`,
      out: file.replace(/\.mjs$/, ''),
    })),
    outdir: SOURCES,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'shared-[hash]',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    charset: 'utf8',
    metafile: true,
    logLevel: 'silent',
    // Whatever tsconfig.json lies above: nothing in it is for this.
    tsconfigRaw: {},
  })
  for (const module of Object.keys(metafile.inputs)) {
    if (THREAD_FLOORS.some((floor) => module.startsWith(`${floor}/`))) continue
    throw new HeadgateError('INTERNAL', { why: `threads reach ${module}` })
  }
  return Object.fromEntries(outputFiles.map(({ path, text }) => [basename(path), text]))
}

/**
 * Not with an import: something is bundled seldom. Its synchronous calls must not start a worker
 * thread, which would stay until the process ends; esbuild reads that from the environment as it loads.
 */
function loadEsbuild(): typeof Esbuild {
  const name = 'ESBUILD_WORKER_THREADS'
  const before = process.env[name]
  process.env[name] = '0'
  try {
    return createRequire(import.meta.url)('esbuild') as typeof Esbuild
  } finally {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  }
}

/** Where an entry lies in a bundle that was written to `folder`. */
export function bundledEntry(folder: string, entry: BundleEntry): string {
  return join(folder, entry)
}
