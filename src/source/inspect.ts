/**
 * What no drop may contain, whatever state its copying is in. Pure.
 */

import { HeadgateError } from '../base/errors.ts'
import { DEEPEST, MOST_BYTES } from './walk.ts'
import type { Walk } from './walk.ts'

const LONGEST_PATH_BYTES = 255

/** Control characters, and the separator of another platform. */
const UNSAFE = /[\u0000-\u001f\u007f\\]/

/** The first reason for which `walk` is refused; null: none. */
export function inspectDrop(entry: string, walk: Walk): HeadgateError | null {
  if (walk.cut !== null) return new HeadgateError('PACKAGE_TOO_LARGE', { entry, why: walk.cut })
  if (walk.bytes > MOST_BYTES) {
    const why = `${walk.bytes} bytes, at most ${MOST_BYTES}`
    return new HeadgateError('PACKAGE_TOO_LARGE', { entry, why })
  }
  const [odd] = walk.strange
  if (odd !== undefined) return refuseFile(entry, odd.path, odd.what)
  return inspectPaths(entry, [...walk.files.map((file) => file.path), ...walk.folders])
}

function inspectPaths(entry: string, paths: readonly string[]): HeadgateError | null {
  const seen = new Map<string, string>()
  for (const path of paths) {
    if (UNSAFE.test(path)) {
      return refuseFile(entry, path, 'its name holds a control character or a backslash')
    }
    if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
      return refuseFile(entry, path, `its path is longer than ${LONGEST_PATH_BYTES} bytes`)
    }
    if (path.split('/').length > DEEPEST) {
      return refuseFile(entry, path, `it lies deeper than ${DEEPEST} folders`)
    }
    const folded = path.normalize('NFC').toLowerCase().normalize('NFC')
    const twin = seen.get(folded)
    if (twin !== undefined) {
      const why = `it differs from ${twin} only in case or Unicode form: some file systems keep one`
      return refuseFile(entry, path, why)
    }
    seen.set(folded, path)
  }
  return null
}

function refuseFile(entry: string, file: string, why: string): HeadgateError {
  return new HeadgateError('FILE_REFUSED', { entry, file, why })
}
