/**
 * Which paths a version may hold, in a folder and in an archive alike. Pure.
 */

import { INSTALLED_LIST } from './dev-dependencies.ts'
import { DEEPEST } from './limits.ts'

const LONGEST_PATH_BYTES = 255

/** Control characters, and the separator of another platform. */
const UNSAFE = /[\u0000-\u001f\u007f\\]/

/**
 * In a slot headgate puts its own translation of a package's TypeScript under such a name, which a
 * thread prefers: what a package brings would be shown in one place and not run in another.
 */
const RESERVED = '.headgate-stripped'

export interface PathFault {
  readonly rule: 'unsafe' | 'long' | 'deep' | 'reserved'
  readonly why: string
}

/** The first rule that a path relative to the top breaks; null: none. */
export function pathFault(path: string): PathFault | null {
  if (UNSAFE.test(path)) {
    return { rule: 'unsafe', why: 'its name holds a control character or a backslash' }
  }
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    return { rule: 'long', why: `its path is longer than ${LONGEST_PATH_BYTES} bytes` }
  }
  if (path.split('/').length > DEEPEST) {
    return { rule: 'deep', why: `it lies deeper than ${DEEPEST} folders` }
  }
  // Some file systems ignore the case.
  if (path.toLowerCase().startsWith(RESERVED)) {
    return { rule: 'reserved', why: `names that begin with ${RESERVED} are headgate's own` }
  }
  return null
}

/** Paths that differ only in case or Unicode form: some file systems keep one of them. */
export class PathTwins {
  readonly #seen = new Map<string, string>()

  /** The path seen before that `path` is a twin of, `path` itself included; null: it is new. */
  add(path: string): string | null {
    const folded = path.normalize('NFC').toLowerCase().normalize('NFC')
    const twin = this.#seen.get(folded)
    if (twin !== undefined) return twin
    this.#seen.set(folded, path)
    return null
  }
}

export function twinReason(twin: string): string {
  return `it differs from ${twin} only in case or Unicode form: some file systems keep one`
}

/** Where npm puts headgate for a package's editor, compiler and tests; often a symbolic link. */
const OWN_LINK = 'node_modules/headgate'

/** Parts of a checkout that belong to no version. */
export function isSkipped(path: string): boolean {
  if (path === INSTALLED_LIST || path === OWN_LINK || path.startsWith(`${OWN_LINK}/`)) return true
  const parts = path.split('/')
  return parts.some(
    (part, at) => part === '.git' || (part === '.bin' && parts[at - 1] === 'node_modules'),
  )
}
