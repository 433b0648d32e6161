/**
 * What no drop may contain, whatever state its copying is in. Pure.
 */

import { HeadgateError } from '../base/errors.ts'
import { MOST_BYTES } from './limits.ts'
import { PathTwins, pathFault, twinReason } from './path-rules.ts'
import type { Walk } from './walk.ts'

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
  const twins = new PathTwins()
  for (const path of paths) {
    const fault = pathFault(path)
    if (fault !== null) return refuseFile(entry, path, fault.why)
    const twin = twins.add(path)
    if (twin !== null) return refuseFile(entry, path, twinReason(twin))
  }
  return null
}

function refuseFile(entry: string, file: string, why: string): HeadgateError {
  return new HeadgateError('FILE_REFUSED', { entry, file, why })
}
