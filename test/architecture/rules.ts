/**
 * The rules of the house. Each takes the files of `src/` and answers its violations, one line each:
 * `file:line what`.
 */

import { lineOf, type SourceFile } from './tree.ts'

/** Lowest first. Folders on one floor never import each other. */
export const FLOORS: readonly (readonly string[])[] = [
  ['base'],
  ['domain'],
  ['sdk', 'protocol'],
  ['hosting'],
  ['source', 'generation', 'store', 'testing'],
  ['routing'],
  ['engine'],
  ['executor'],
  ['server', 'client', 'packaging'],
  ['cli'],
]

/** These run in browsers too, and see less than their floor would allow. */
const NARROW: Readonly<Record<string, readonly string[]>> = {
  client: ['base', 'domain', 'protocol'],
  dashboard: ['base', 'domain', 'protocol', 'client'],
}

export const FOLDERS: readonly string[] = [...FLOORS.flat(), 'dashboard']

const CLOCK = 'base/clock.ts'

export function mayImport(from: string, to: string): boolean {
  if (from === to) return true
  const narrow = NARROW[from]
  if (narrow !== undefined) return narrow.includes(to)
  const floor = (folder: string): number => FLOORS.findIndex((names) => names.includes(folder))
  return floor(to) !== -1 && floor(to) < floor(from)
}

/** The first folder of a path; '' for a file at the top, such as the library's door. */
function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}

export function floors(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path))
  return files.flatMap(({ path, imports }) => {
    const from = folderOf(path)
    if (from !== '' && !FOLDERS.includes(from)) return [`${path}:1 ${from}/ is on no floor`]
    return imports.flatMap(({ specifier, target, line }) => {
      if (target === undefined || target === '../package.json') return []
      const at = `${path}:${line} imports ${specifier}`
      if (target.startsWith('..')) return [`${at}, which is outside src`]
      if (!paths.has(target)) return [`${at}, which does not exist`]
      const to = folderOf(target)
      if (to === '') return [`${at}: nothing inside imports the door`]
      // The door joins what it likes.
      return from === '' || mayImport(from, to) ? [] : [`${at}: ${from} may not import ${to}`]
    })
  })
}

/** One line for each group of files that import each other, type imports included. */
export function cycles(files: readonly SourceFile[]): string[] {
  const targets = new Map(
    files.map(({ path, imports }) => [
      path,
      new Set(imports.map(({ target }) => target).filter((target) => target !== undefined)),
    ]),
  )
  const found = new Map<string, string>()
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      const ring = trail.slice(start)
      found.set([...ring].sort().join(), `${[...ring, path].join(' -> ')}`)
      return
    }
    if (finished.has(path)) return
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path])
    finished.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return [...found.values()]
}

/** Files that hold a second concept by now, most likely. */
export function size(files: readonly SourceFile[], limit = 400): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length
    return lines > limit ? [`${path}:${lines} has ${lines} lines, over ${limit}`] : []
  })
}

export function escapes(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [
    // `.any(` is Promise.any, `any:` a property.
    ...matches(file, file.code, /(?<![.\w$])any\b(?!\s*[(:?])/g),
    ...matches(file, file.text, /@ts-(?:ignore|expect-error|nocheck)\b/g),
  ])
}

/** Only commands write to the terminal by themselves; the rest takes a logger. */
export function consoles(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => folderOf(path) !== 'cli')
    .flatMap((file) => matches(file, file.code, /(?<![.\w$])console\s*\.\s*\w+/g))
}

/** piscina calls the default export of a worker's entry, so that one file has one. */
export function defaultExports(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path !== 'generation/thread/entry.ts')
    .flatMap((file) => matches(file, file.code, /\bexport\s+default\b|\bas\s+default\b/g))
}

export function timers(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path !== CLOCK)
    .flatMap((file) => [
      ...matches(file, file.code, /\b(?<![.#])(?:set|clear)(?:Timeout|Interval)\b(?!\s*:)/g),
      ...matches(file, file.code, /\bglobalThis\s*\.\s*(?:set|clear)(?:Timeout|Interval)\b/g),
      ...matches(file, file.code, /\bAbortSignal\s*\.\s*timeout\b/g),
      ...file.imports
        .filter(({ specifier }) => /^(?:node:)?timers(?:\/promises)?$/.test(specifier))
        .map(({ specifier, line }) => `${file.path}:${line} ${specifier}`),
    ])
}

/**
 * What the client reaches, through whatever files, runs in browsers: no module of Node, and of the
 * packages zod alone.
 */
export function browserSafety(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const reached = new Set(
    files.map(({ path }) => path).filter((path) => NARROW[folderOf(path)] !== undefined),
  )
  for (const path of reached) {
    for (const { target } of byPath.get(path)?.imports ?? []) {
      if (target !== undefined && byPath.has(target)) reached.add(target)
    }
  }
  return foreignImports(
    [...reached].flatMap((path) => byPath.get(path) ?? []),
    ['zod', 'preact', 'preact/hooks', 'preact/jsx-runtime', '@preact/signals', 'uplot'],
  )
}

/** Authors install the SDK with their package: it brings nothing along. */
export function sdkIndependence(files: readonly SourceFile[]): string[] {
  return foreignImports(
    files.filter(({ path }) => folderOf(path) === 'sdk'),
    [],
  )
}

function foreignImports(files: readonly SourceFile[], allowed: readonly string[]): string[] {
  return files.flatMap(({ path, imports }) =>
    imports
      .filter(({ specifier, target }) => target === undefined && !allowed.includes(specifier))
      .map(({ specifier, line }) => `${path}:${line} imports ${specifier}`),
  )
}

function matches(file: SourceFile, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(
    (match) => `${file.path}:${lineOf(text, match.index)} ${match[0].trim()}`,
  )
}
