/**
 * Which entries an archive may have. Pure: nothing is read or written here.
 *
 * N1  an entry is admitted or refused by its header alone, before a byte of it is written.
 * N2  admitted paths are relative to the archive's one top folder, plain, and free of twins.
 */

import { type ErrorCode, HeadgateError } from '../base/errors.ts'
import { printable } from '../domain/names.ts'
import { MOST_BYTES, MOST_FILES } from './limits.ts'
import { isSkipped, type PathFault, PathTwins, pathFault, twinReason } from './path-rules.ts'

/** What a tar header says of an entry. */
export interface EntryHeader {
  readonly path: string
  /** As the tar package names it: `File`, `SymbolicLink`, … */
  readonly type: string
  readonly mode: number
  /** Bytes. */
  readonly size: number
}

/** A file to be unpacked. */
export interface ArchiveFile {
  /** Relative to the top folder, with forward slashes. */
  readonly path: string
  readonly size: number
}

const FILES: ReadonlySet<string> = new Set(['File', 'OldFile'])
const LINKS: ReadonlySet<string> = new Set(['Link', 'SymbolicLink'])
const FOLDER = 'Directory'

/** Setuid, setgid and sticky. */
const SPECIAL_BITS = 0o7000

const PATH_CODES = {
  unsafe: 'ARCHIVE_PATH_UNSAFE',
  long: 'ARCHIVE_PATH_TOO_LONG',
  deep: 'ARCHIVE_PATH_TOO_DEEP',
  reserved: 'FILE_REFUSED',
} as const satisfies Record<PathFault['rule'], ErrorCode>

export class ArchiveEntries {
  readonly #entry: string
  readonly #kinds = new Map<string, 'file' | 'folder'>()
  readonly #named = new Set<string>()
  readonly #twins = new PathTwins()
  #top: string | null = null
  #files = 0
  #folders = 0
  #bytes = 0

  /** `entry`: the drop, for messages. */
  constructor(entry: string) {
    this.#entry = entry
  }

  /** null: there is nothing to write. Throws one of the ARCHIVE_ errors. */
  admit(header: EntryHeader): ArchiveFile | null {
    const isFile = this.#checkKind(header)
    const path = this.#belowTop(header.path, isFile)
    if (path === '') return null
    const parts = path.split('/')
    for (let end = 1; end < parts.length; end++) this.#addFolder(parts.slice(0, end).join('/'))
    if (this.#named.has(path) || (isFile && this.#kinds.has(path))) {
      throw this.#refuse('ARCHIVE_DUPLICATE', path, 'it is in the archive twice')
    }
    this.#named.add(path)
    if (!isFile) {
      this.#addFolder(path)
      return null
    }
    this.#addFile(path, header.size)
    return isSkipped(path) ? null : { path, size: header.size }
  }

  #checkKind({ path, type, mode }: EntryHeader): boolean {
    if (LINKS.has(type)) throw this.#refuse('ARCHIVE_LINK', path, 'links are not unpacked')
    if (!FILES.has(type) && type !== FOLDER) {
      const why = `it is of type ${type}; only files and folders are unpacked`
      throw this.#refuse('ARCHIVE_SPECIAL_FILE', path, why)
    }
    if ((mode & SPECIAL_BITS) !== 0) {
      throw this.#refuse('ARCHIVE_MODE', path, 'it has a setuid, setgid or sticky bit')
    }
    return type !== FOLDER
  }

  /** The path below the top folder; '' for the top folder itself (N2). */
  #belowTop(path: string, isFile: boolean): string {
    const parts = (isFile || !path.endsWith('/') ? path : path.slice(0, -1)).split('/')
    const [top = ''] = parts
    if (path.includes('\uFFFD')) {
      throw this.#refuse('ARCHIVE_PATH_UNSAFE', path, 'its name is not UTF-8')
    }
    if (/^[a-z]:/i.test(path) || parts.some((part) => part === '' || /^\.{1,2}$/.test(part))) {
      throw this.#refuse('ARCHIVE_PATH_UNSAFE', path, 'it is not a plain relative path')
    }
    const topFault = pathFault(top)
    const below = parts.slice(1).join('/')
    const fault = topFault ?? (below === '' ? null : pathFault(below))
    if (fault !== null) throw this.#refuse(PATH_CODES[fault.rule], path, fault.why)
    this.#top ??= top
    if (top !== this.#top || (isFile && below === '')) {
      const why = `every file lies below one top folder, here ${printable(this.#top)}`
      throw this.#refuse('ARCHIVE_TOP_FOLDER', path, why)
    }
    return below
  }

  #addFolder(path: string): void {
    const known = this.#kinds.get(path)
    if (known === 'folder') return
    if (known === 'file') {
      throw this.#refuse('ARCHIVE_DUPLICATE', path, 'it is a file and a folder')
    }
    this.#addPath(path, 'folder')
    if (++this.#folders > MOST_FILES) throw this.#tooMany('folders')
  }

  #addFile(path: string, size: number): void {
    this.#addPath(path, 'file')
    if (++this.#files > MOST_FILES) throw this.#tooMany('files')
    this.#bytes += size
    if (this.#bytes > MOST_BYTES) {
      throw new HeadgateError('ARCHIVE_TOO_LARGE', { entry: this.#entry, limit: MOST_BYTES })
    }
  }

  #addPath(path: string, kind: 'file' | 'folder'): void {
    const twin = this.#twins.add(path)
    if (twin !== null) throw this.#refuse('ARCHIVE_NAME_TWIN', path, twinReason(printable(twin)))
    this.#kinds.set(path, kind)
  }

  #tooMany(what: string): HeadgateError {
    const details = { entry: this.#entry, limit: MOST_FILES, what }
    return new HeadgateError('ARCHIVE_TOO_MANY_FILES', details)
  }

  #refuse(code: ErrorCode, path: string, why: string): HeadgateError {
    return new HeadgateError(code, { entry: this.#entry, file: printable(path), why })
  }
}
