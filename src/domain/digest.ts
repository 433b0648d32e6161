/**
 * The identity of a version: a sha-256 over its files.
 */

import { createHash } from 'node:crypto'

/** Lists the files of a packed drop; it is not one of them. */
export const MANIFEST_FILE = 'headgate.manifest.json'

export interface DigestedFile {
  /** Relative to the drop's top, with forward slashes. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Hexadecimal, lower case. */
  readonly sha256: string
}

/**
 * Hexadecimal sha-256 over the sorted list (path, size, sha-256), the manifest file excluded.
 *
 * Sorted by UTF-16 code units, so that every machine and locale agrees. Each entry is one JSON
 * line: a path cannot forge the border between two entries, whatever characters it holds.
 */
export function fileListDigest(files: readonly DigestedFile[]): string {
  const hash = createHash('sha256')
  const listed = files.filter((file) => file.path !== MANIFEST_FILE)
  listed.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  for (const file of listed) {
    hash.update(`${JSON.stringify([file.path, file.size, file.sha256])}\n`)
  }
  return hash.digest('hex')
}
