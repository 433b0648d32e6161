/**
 * An archive as files: hashed, and written below a folder when told where.
 */

import { createHash, type Hash } from 'node:crypto'
import { closeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MANIFEST_FILE, type DigestedFile } from '../domain/digest.ts'
import { type ArchiveRequest, type ArchiveSink, readArchive } from './archive.ts'
import type { ArchiveFile } from './archive-entries.ts'
import type { Staged } from './stage.ts'
import { makeFolder, openTarget, writeFully } from './target.ts'

export interface UnpackRequest extends Omit<ArchiveRequest, 'sink'> {
  /** Absolute path of an empty folder; null: hash only. The manifest is never written. */
  readonly to: string | null
  /** Files whose text is handed back, with the most bytes of each. */
  readonly keep: ReadonlyMap<string, number>
}

/** Throws what readArchive throws, and StageFault. */
export function unpackArchive({ to, keep, ...archive }: UnpackRequest): Staged {
  const sink = new FileSink(to, keep)
  try {
    readArchive({ ...archive, sink })
  } finally {
    sink.close()
  }
  return { files: sink.files, texts: sink.texts }
}

interface OpenFile {
  readonly file: ArchiveFile
  readonly sum: Hash
  readonly fd: number | null
  /** null: its text is not wanted. */
  readonly parts: Buffer[] | null
}

class FileSink implements ArchiveSink {
  readonly files: DigestedFile[] = []
  readonly texts = new Map<string, string>()
  readonly #to: string | null
  readonly #keep: ReadonlyMap<string, number>
  readonly #made = new Set(['.'])
  #open: OpenFile | null = null

  constructor(to: string | null, keep: ReadonlyMap<string, number>) {
    this.#to = to
    this.#keep = keep
  }

  begin(file: ArchiveFile): void {
    const { path, size } = file
    const kept = (this.#keep.get(path) ?? -1) >= size
    this.#open = {
      file,
      sum: createHash('sha256'),
      fd: this.#to === null || path === MANIFEST_FILE ? null : this.#target(this.#to, path),
      parts: kept ? [] : null,
    }
  }

  bytes(part: Buffer): void {
    const open = this.#open
    if (open === null) return
    open.sum.update(part)
    open.parts?.push(part)
    if (open.fd !== null) writeFully(open.fd, part)
  }

  end(): void {
    const open = this.#open
    this.close()
    if (open === null) return
    const { path, size } = open.file
    if (open.parts !== null) this.texts.set(path, Buffer.concat(open.parts).toString('utf8'))
    this.files.push({ path, size, sha256: open.sum.digest('hex') })
  }

  close(): void {
    const fd = this.#open?.fd ?? null
    this.#open = null
    if (fd !== null) closeSync(fd)
  }

  #target(to: string, path: string): number {
    makeFolder(dirname(path), to, this.#made)
    return openTarget(join(to, path))
  }
}
