/**
 * Reads the bytes of a drop once: hashes them, and copies them when told where to.
 *
 * G1  a file is read only if it is still the one the walk saw: same inode, size and times.
 * G2  opening never follows a link and never blocks, whatever has been put in the file's place.
 * G3  copies are read-only and carry no mode, owner or time of the drop.
 */

import { createHash, hash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DigestedFile } from '../domain/digest.ts'
import { classify, codeOf } from './fs-fault.ts'
import { otherHash } from './manifest-check.ts'
import { StageFault } from './stage-fault.ts'
import { makeFolder, openTarget, writeFully } from './target.ts'
import type { WalkedFile } from './walk.ts'

export interface StageRequest {
  /** Absolute path of the drop. */
  readonly from: string
  readonly files: readonly WalkedFile[]
  /** Absolute path of an empty folder; null: hash only. */
  readonly to: string | null
  /** Files whose text is handed back. */
  readonly keep: ReadonlySet<string>
  /** sha-256 each file must have; a file without one is taken as it is. */
  readonly expected: ReadonlyMap<string, string>
  /** Called between two files: other work of the thread. */
  readonly between: () => void
}

export interface Staged {
  readonly files: readonly DigestedFile[]
  readonly texts: ReadonlyMap<string, string>
}

const CHUNK = 1_048_576
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

const chunk = Buffer.allocUnsafeSlow(CHUNK)

/** Throws StageFault. */
export function stageFiles(request: StageRequest): Staged {
  const files: DigestedFile[] = []
  const texts = new Map<string, string>()
  const made = new Set(['.'])
  for (const file of request.files) {
    const target = request.to === null ? null : join(request.to, file.path)
    if (target !== null) makeFolder(dirname(file.path), request.to ?? '', made)
    const source = openSource(request.from, file)
    try {
      const sha256 = copy(source, file, target, (bytes) => {
        if (request.keep.has(file.path)) texts.set(file.path, bytes.toString('utf8'))
      })
      const expected = request.expected.get(file.path)
      if (expected !== undefined && expected !== sha256) {
        throw new StageFault('differs', otherHash(file.path))
      }
      files.push({ path: file.path, size: file.size, sha256 })
    } finally {
      closeSync(source)
    }
    request.between()
  }
  return { files, texts }
}

function openSource(from: string, file: WalkedFile): number {
  let fd: number
  try {
    fd = openSync(join(from, file.path), READ_FLAGS)
  } catch (fault) {
    throw sourceFault(file, fault)
  }
  const stat = fstatSync(fd)
  const same =
    stat.isFile() &&
    stat.ino === file.ino &&
    stat.size === file.size &&
    stat.mtimeMs === file.mtimeMs &&
    stat.ctimeMs === file.ctimeMs
  if (same) return fd
  closeSync(fd)
  throw changed(file)
}

/** Returns the sha-256; `whole` gets the bytes of a file that fits into one chunk. */
function copy(
  source: number,
  file: WalkedFile,
  target: string | null,
  whole: (bytes: Buffer) => void,
): string {
  const out = target === null ? null : openTarget(target)
  try {
    if (file.size <= CHUNK) {
      const bytes = chunk.subarray(0, readFully(source, file, file.size))
      if (bytes.length !== file.size) throw changed(file)
      if (out !== null) writeFully(out, bytes)
      whole(bytes)
      return hash('sha256', bytes, 'hex')
    }
    const sum = createHash('sha256')
    for (let left = file.size; left > 0; ) {
      const bytes = chunk.subarray(0, readFully(source, file, Math.min(left, CHUNK)))
      if (bytes.length === 0) throw changed(file)
      sum.update(bytes)
      if (out !== null) writeFully(out, bytes)
      left -= bytes.length
    }
    return sum.digest('hex')
  } finally {
    if (out !== null) closeSync(out)
  }
}

/** Into `chunk`; fewer than `wanted` only at the end of the file. */
function readFully(fd: number, file: WalkedFile, wanted: number): number {
  let have = 0
  try {
    while (have < wanted) {
      const got = readSync(fd, chunk, have, wanted - have, null)
      if (got === 0) break
      have += got
    }
  } catch (fault) {
    throw sourceFault(file, fault)
  }
  return have
}

function changed(file: WalkedFile): StageFault {
  return new StageFault('changed', `${file.path} changed while it was read`)
}

function sourceFault(file: WalkedFile, fault: unknown): StageFault {
  const code = codeOf(fault)
  switch (classify(fault)) {
    case 'gone':
      return changed(file)
    case 'denied':
      return new StageFault('unread', `${file.path} cannot be read: ${code}`, { cause: fault })
    case 'resources':
      return new StageFault('resources', `reading ${file.path} failed: ${code}`, { cause: fault })
  }
}
