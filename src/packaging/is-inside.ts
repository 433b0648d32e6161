/** Whether one path lies in another, whatever links lead to either. */

import { realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'

/** True also for the folder itself. Neither need exist. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(realPath(resolve(folder)), realPath(resolve(path)))
  return !isAbsolute(way) && way.split(/[\\/]/)[0] !== '..'
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path))
  }
}
