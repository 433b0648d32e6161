/**
 * Reads a .tgz from an open file: its entries in their order, under limits.
 *
 * Owns: gzip, tar, and what is wrong with either. The tar package parses; it writes nothing.
 * Does not own: which entries are admitted (archive-entries.ts), where their bytes go (unpack.ts).
 *
 * T1  synchronous, in slices: however well it compresses, at most SLICE × the ratio is in memory.
 * T2  the archive was whole when read() returns: gzip checksum and length, every tar header's
 *     checksum, the mark at the end of tar.
 * T3  what is laid behind the end mark is never unpacked, and not much of it is tolerated.
 */

import { readSync } from 'node:fs'
import { Parser, type ReadEntry } from 'tar'
import { type ErrorCode, HeadgateError, messageOf } from '../base/errors.ts'
import { ArchiveEntries, type ArchiveFile } from './archive-entries.ts'
import { codeOf } from './fs-fault.ts'
import { MOST_BYTES } from './limits.ts'
import { StageFault } from './stage-fault.ts'

/** Where the bytes of the files go, one file after the other. */
export interface ArchiveSink {
  begin(file: ArchiveFile): void
  bytes(part: Buffer): void
  end(): void
}

export interface ArchiveRequest {
  /** The drop, for messages. */
  readonly entry: string
  readonly fd: number
  /** Of the file behind `fd`, bytes. */
  readonly size: number
  readonly sink: ArchiveSink
  /** Called every READ bytes: other work of the thread. */
  readonly between: () => void
}

const READ = 65_536
/** What is decompressed at once, so that T1 holds: 4 KiB become 4 MiB at the very most. */
const SLICE = 4_096
/** Unpacked over packed, at any point of the archive. */
const MOST_RATIO = 100
/** Below this a high ratio harms nobody: an empty table of a small package has one. */
const FREE_BYTES = 1_048_576
const GZIP_MAGIC = [0x1f, 0x8b] as const
/** Bytes of its header and its trailer. */
const LEAST_GZIP = 18

/** Throws one of the ARCHIVE_ errors, StageFault, or whatever the sink throws. */
export function readArchive(request: ArchiveRequest): void {
  new Reading(request).read()
}

class Reading {
  readonly #request: ArchiveRequest
  readonly #entries: ArchiveEntries
  readonly #parser: Parser
  #fed = 0
  /** Packed bytes up to the slice that held the end mark; null: not there yet. */
  #endAt: number | null = null
  #failed = false

  constructor(request: ArchiveRequest) {
    this.#request = request
    this.#entries = new ArchiveEntries(request.entry)
    this.#parser = new Parser({
      strict: true,
      maxDecompressionRatio: Math.max(MOST_RATIO, FREE_BYTES / Math.max(1, request.size)),
      onReadEntry: (entry) => this.#enter(entry),
    })
    this.#parser.on('ignoredEntry', (entry: ReadEntry) => this.#refuseIgnored(entry))
    this.#parser.on('eof', () => {
      this.#endAt ??= this.#fed
    })
    this.#parser.on('error', (fault: unknown) => {
      // abort() in read() says so once more.
      if (!this.#failed) throw this.#parseFault(fault)
    })
  }

  read(): void {
    const { size, entry, between } = this.#request
    if (size > MOST_BYTES) throw this.#refuse('ARCHIVE_TOO_LARGE')
    const block = Buffer.allocUnsafe(Math.min(READ, size))
    try {
      for (let left = size; left > 0; ) {
        const bytes = block.subarray(0, this.#readInto(block, Math.min(left, READ)))
        if (left === size) this.#checkMagic(bytes)
        for (let at = 0; at < bytes.length; at += SLICE) this.#feed(bytes.subarray(at, at + SLICE))
        left -= bytes.length
        between()
      }
      if (size === 0) throw this.#refuse('ARCHIVE_TRUNCATED', 'it is empty')
      this.#parser.end()
      if (this.#endAt === null) {
        throw new HeadgateError('ARCHIVE_TRUNCATED', { entry, why: 'tar has no end mark' })
      }
    } catch (fault) {
      this.#failed = true
      // Frees the decompressor, which a garbage collection would do much later.
      this.#parser.abort(new Error('refused'))
      throw fault
    }
  }

  #feed(slice: Buffer): void {
    // T3: padding of a whole tape record fits into one slice.
    if (this.#endAt !== null && this.#fed >= this.#endAt + SLICE) {
      throw this.#refuse('ARCHIVE_CORRUPT', 'bytes follow its end mark')
    }
    this.#fed += slice.length
    this.#parser.write(slice)
  }

  #readInto(block: Buffer, wanted: number): number {
    let have = 0
    try {
      while (have < wanted) {
        const got = readSync(this.#request.fd, block, have, wanted - have, null)
        if (got === 0) throw new StageFault('changed', 'it became shorter while it was read')
        have += got
      }
    } catch (fault) {
      if (fault instanceof StageFault) throw fault
      throw new StageFault('resources', `reading it failed: ${codeOf(fault)}`, { cause: fault })
    }
    return have
  }

  #checkMagic(bytes: Buffer): void {
    if (GZIP_MAGIC.some((byte, at) => at < bytes.length && bytes[at] !== byte)) {
      throw this.#refuse('ARCHIVE_NOT_GZIP')
    }
    if (this.#request.size < LEAST_GZIP) {
      throw this.#refuse('ARCHIVE_TRUNCATED', `${bytes.length} bytes are no whole gzip file`)
    }
  }

  #enter(entry: ReadEntry): void {
    const { path, type, mode = 0, remain, linkpath } = entry
    const file = this.#entries.admit({ path, type, mode, size: remain })
    // The parser checks a header alone; an extended one may have added what contradicts it.
    if (!Number.isSafeInteger(remain) || (linkpath !== undefined && linkpath !== '')) {
      throw this.#refuse('ARCHIVE_HEADER_INVALID', 'an extended header contradicts its entry')
    }
    if (file === null) {
      entry.resume()
      return
    }
    const { sink } = this.#request
    sink.begin(file)
    entry.on('end', () => sink.end())
    entry.on('data', (part: Buffer) => sink.bytes(part))
  }

  #refuseIgnored(entry: ReadEntry): never {
    if (entry.meta) throw this.#refuse('ARCHIVE_HEADER_INVALID', 'an extended header is too large')
    const { path, type } = entry
    this.#entries.admit({ path, type, mode: 0, size: 0 })
    throw this.#refuse('ARCHIVE_HEADER_INVALID', `an entry of type ${type} was passed over`)
  }

  #parseFault(fault: unknown): HeadgateError {
    const code = codeOf(fault)
    const why = messageOf(fault)
    if (code === 'Z_BUF_ERROR') return this.#refuse('ARCHIVE_TRUNCATED', 'gzip has no end')
    if (code.startsWith('Z_')) return this.#refuse('ARCHIVE_CORRUPT', why)
    switch (code) {
      case 'TAR_ABORT':
        return this.#refuse('ARCHIVE_BOMB')
      case 'TAR_BAD_ARCHIVE':
        return this.#fed > 0 && /Truncated/.test(why)
          ? this.#refuse('ARCHIVE_TRUNCATED', 'tar has no end')
          : this.#refuse('ARCHIVE_HEADER_INVALID', why)
      default:
        return this.#refuse('ARCHIVE_HEADER_INVALID', why)
    }
  }

  #refuse(code: ErrorCode, why = ''): HeadgateError {
    const limit = code === 'ARCHIVE_BOMB' ? MOST_RATIO : MOST_BYTES
    return new HeadgateError(code, { entry: this.#request.entry, why, limit })
  }
}
