/**
 * Whether the files of a drop are those its manifest lists.
 */

import { MANIFEST_FILE } from '../domain/digest.ts'
import type { Manifest } from '../domain/manifest.ts'

export interface FoundFile {
  readonly path: string
  readonly size: number
  /** Absent: not read yet. */
  readonly sha256?: string
}

/** The first difference, in the order of the manifest; null: none. */
export function manifestDifference(manifest: Manifest, found: readonly FoundFile[]): string | null {
  const present = new Map(found.map((file) => [file.path, file]))
  present.delete(MANIFEST_FILE)
  for (const { path, size, sha256 } of manifest.files) {
    const file = present.get(path)
    if (file === undefined) return `${path} is missing`
    if (file.size !== size) return `${path} has ${file.size} of ${size} bytes`
    if (file.sha256 !== undefined && file.sha256 !== sha256) return otherHash(path)
    present.delete(path)
  }
  const [extra] = present.keys()
  return extra === undefined ? null : `${extra} is not in ${MANIFEST_FILE}`
}

export function otherHash(path: string): string {
  return `${path} has another sha-256 than the manifest says`
}
