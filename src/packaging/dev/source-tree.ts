/**
 * The source folder of a package as it is at one moment, compared with another moment.
 *
 * Does not own: when to look (hints.ts), what is made of it (build.ts).
 *
 * V1  A file is read only when its stamp is another; what counts is whether its bytes are.
 * V2  A look never throws for what lies there: what cannot be read is a state like any other.
 */

import { hash } from 'node:crypto'
import { type Dirent, lstatSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { HeadgateError } from '../../base/errors.ts'
import { INSTALLED_LIST } from '../../source/dev-dependencies.ts'
import { codeOf } from '../../source/fs-fault.ts'
import { MOST_FILES } from '../../source/limits.ts'

export interface Sight {
  /** Names the folder on its disk: another one of the same name has another. null: not there. */
  readonly root: string | null
  /** By path relative to the folder, with forward slashes. */
  readonly files: ReadonlyMap<string, SeenFile>
}

interface SeenFile {
  /** Size, times and inode. */
  readonly stamp: string
  /** sha-256, or why it cannot be read. */
  readonly bytes: string
}

/** Relative paths of what no version is made of: hidden, dependencies, what tools leave behind. */
export function isIgnored(path: string): boolean {
  const parts = path.split('/')
  return parts[0] === 'coverage' || parts.some((name) => IGNORED.test(name))
}

const IGNORED = /^\.|^node_modules$|(?:~|\.part|\.tgz)$/

export class SourceTree {
  readonly #dir: string
  #further: readonly string[] = []
  #last: ReadonlyMap<string, SeenFile> = new Map()

  /** `dir`: absolute path. */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** Modules that belong to the version, wherever they lie: absolute paths. */
  include(modules: readonly string[]): void {
    this.#further = modules.filter((path) => isIgnored(this.#nameOf(path)))
  }

  /** Throws PACKAGE_TOO_LARGE. */
  look(): Sight {
    const files = new Map<string, SeenFile>()
    const top = statSync(this.#dir, { throwIfNoEntry: false })
    const root = top?.isDirectory() === true ? `${top.dev}:${top.ino}` : null
    if (root !== null) {
      this.#walk(files)
      // npm writes it last: what could not be resolved before may be there now.
      const installed = [join(this.#dir, INSTALLED_LIST), ...this.#further]
      for (const path of installed) this.#see(path, this.#nameOf(path), files)
    }
    this.#last = files
    return { root, files }
  }

  #walk(files: Map<string, SeenFile>): void {
    const pending = ['']
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      for (const entry of list(join(this.#dir, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (isIgnored(path)) continue
        if (entry.isDirectory()) pending.push(path)
        else this.#see(join(this.#dir, path), path, files)
        if (files.size > MOST_FILES) {
          const why = `more than ${MOST_FILES} files`
          throw new HeadgateError('PACKAGE_TOO_LARGE', { entry: this.#dir, why })
        }
      }
    }
  }

  /** What lies outside begins with `..`, and so counts as hidden. */
  #nameOf(path: string): string {
    return relative(this.#dir, path).split(sep).join('/')
  }

  #see(path: string, name: string, files: Map<string, SeenFile>): void {
    const stat = lookAt(path)
    if (stat === undefined) return
    const stamp = `${stat.mode}:${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`
    const before = this.#last.get(name)
    const seen = before?.stamp === stamp ? before : { stamp, bytes: bytesOf(path, stat) }
    files.set(name, seen)
  }
}

/** Paths at which two sights differ, sorted; by `stamp` also those only written again. */
export function differences(before: Sight, after: Sight, by: 'bytes' | 'stamp'): string[] {
  const paths = new Set([...before.files.keys(), ...after.files.keys()])
  return [...paths]
    .filter((path) => before.files.get(path)?.[by] !== after.files.get(path)?.[by])
    .sort()
}

/** True when a file that `before` had is not there: an editor may be about to put it back. */
export function lacks(before: Sight, after: Sight): boolean {
  if (before.root !== null && after.root === null) return true
  for (const path of before.files.keys()) if (!after.files.has(path)) return true
  return false
}

function list(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Of links, FIFOs and the like nothing is opened. */
function bytesOf(path: string, stat: Stats): string {
  if (!stat.isFile()) return `mode ${stat.mode}`
  try {
    return hash('sha256', readFileSync(path), 'hex')
  } catch (fault) {
    return codeOf(fault)
  }
}
