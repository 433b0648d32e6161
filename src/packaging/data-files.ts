/**
 * Which files of a package travel beside its bundle: everything it may read at run time. Pure.
 */

import { posix } from 'node:path'
import { MANIFEST_FILE } from '../domain/digest.ts'
import { isRecord } from '../domain/canonical-json.ts'
import { isOwnArchive, type OwnPackage } from './own-package.ts'

/** They are in the bundle. */
const SOURCE = /\.(?:[cm]?[jt]sx?|[cm]?[jt]sx?\.map|tsbuildinfo)$/
const TEST_FOLDERS: ReadonlySet<string> = new Set(['test', 'tests', '__tests__'])
/** Of the author's tools; package.json is written anew. */
const TOOLING =
  /^(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|tsconfig[^/]*\.json|bun\.lockb?)$/
/** npm takes these along whatever `files` says. */
const ALWAYS = /^(?:readme|licen[cs]e|notice)(?:\.[^/]*)?$/i

/** Relative, sorted. Where package.json has `files`, only what it names, as npm reads it. */
export function dataFiles({ files, raw, name }: OwnPackage): readonly string[] {
  const patterns = patternsOf(raw)
  return files.filter((path) => {
    if (SOURCE.test(path) || TOOLING.test(path) || path === MANIFEST_FILE) return false
    if (isOwnArchive(path, name) || isTest(path)) return false
    return patterns === null || ALWAYS.test(path) || isNamed(path, patterns)
  })
}

function isTest(path: string): boolean {
  const folders = path.split('/').slice(0, -1)
  return folders.some((folder) => TEST_FOLDERS.has(folder)) || /\.(?:test|spec)\.[^/]*$/.test(path)
}

function patternsOf(raw: Readonly<Record<string, unknown>>): readonly string[] | null {
  const { files } = raw
  if (!Array.isArray(files)) return null
  return files.filter((pattern) => typeof pattern === 'string')
}

/** The last pattern that speaks of the path decides. */
function isNamed(path: string, patterns: readonly string[]): boolean {
  let named = false
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!')
    const plain = (isNegated ? pattern.slice(1) : pattern).replace(/^(?:\.?\/)+|\/+$/g, '')
    if (plain === '' || plain === '.' || speaksOf(plain, path)) named = !isNegated
  }
  return named
}

function speaksOf(pattern: string, path: string): boolean {
  return (
    path === pattern ||
    path.startsWith(`${pattern}/`) ||
    posix.matchesGlob(path, pattern) ||
    posix.matchesGlob(path, `${pattern}/**`)
  )
}

/** The bundle's place: beside the source of the entry, so that it is found where the entry was. */
export function bundleFile(entryFile: string): string {
  return entryFile.replace(/\.[^./]+$/, '.js')
}

/** What is left of package.json: what npm and an executor read of a packed version. */
export function packedPackageJson(own: OwnPackage, bundle: string): string {
  const kept = ['name', 'version', 'description', 'keywords', 'homepage', 'repository'] as const
  const more = ['author', 'license'] as const
  const headgate = isRecord(own.raw['headgate']) ? own.raw['headgate'] : {}
  const written = {
    ...pick(own.raw, kept),
    ...pick(own.raw, more),
    type: 'module',
    ...pick(own.raw, ['engines']),
    main: `./${bundle}`,
    exports: { '.': `./${bundle}`, './package.json': './package.json' },
    headgate: { ...headgate, entry: bundle },
  }
  return `${JSON.stringify(written, null, 2)}\n`
}

function pick(raw: Readonly<Record<string, unknown>>, keys: readonly string[]): object {
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(raw, key)).map((k) => [k, raw[k]]))
}
