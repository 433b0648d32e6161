/** The TypeScript and JavaScript files below a folder, with what each imports. */

import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { blank } from './blank.ts'

export interface Import {
  readonly specifier: string
  readonly line: number
  /** Path from the root of the tree for a relative specifier, whether or not the file exists. */
  readonly target: string | undefined
}

export interface SourceFile {
  /** From the root of the tree, with forward slashes. */
  readonly path: string
  readonly text: string
  /** `text` without comments and contents of strings, offsets kept. */
  readonly code: string
  readonly imports: readonly Import[]
}

const STATEMENTS: readonly RegExp[] = [
  // import x, { y } from 'z' · import type … from · export { y } from · export * as x from
  /(?:^|[;}\n])\s*(?:import|export)\b[\w$\s,*{}]*?\bfrom\s*(['"])( *)\1/g,
  // import 'z'
  /(?:^|[;}\n])\s*import\s*(['"])( *)\1/g,
  // import('z'), as a value and as a type
  /\bimport\s*\(\s*(['"])( *)\1/g,
]

export function readTree(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[cm]?[jt]sx?$/.test(path))
    .map((path) => path.split(sep).join('/'))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')))
}

export function sourceFile(path: string, text: string): SourceFile {
  const code = blank(text)
  const imports = STATEMENTS.flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match): Import => {
      // The specifier's own quotes end the match, so its place is known from the end.
      const end = match.index + match[0].length - 1
      const specifier = text.slice(end - (match[2] ?? '').length, end)
      return {
        specifier,
        line: lineOf(text, end),
        target: specifier.startsWith('.')
          ? posix.normalize(posix.join(posix.dirname(path), specifier))
          : undefined,
      }
    }),
  )
  return { path, text, code, imports: imports.sort((a, b) => a.line - b.line) }
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
