/**
 * Makes files visible in another folder without copying their bytes.
 */

import { chmodSync, constants, copyFileSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf } from './fs-fault.ts'

/** Another file system, too many links, or a file system or owner that allows none. */
const COPY_INSTEAD = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])

/** Links, else copies, `paths` of `from` below `to`, which is made; a file in the way is replaced. */
export function linkFiles(from: string, paths: readonly string[], to: string): void {
  mkdirSync(to, { recursive: true })
  const made = new Set(['.'])
  let copying = false
  for (const path of paths) {
    const folder = dirname(path)
    if (!made.has(folder)) {
      mkdirSync(join(to, folder), { recursive: true })
      made.add(folder)
    }
    copying = linkFile(join(from, path), join(to, path), copying)
  }
}

/** Returns whether the next file should be copied at once. */
function linkFile(source: string, target: string, copying: boolean): boolean {
  if (copying) {
    copy(source, target)
    return true
  }
  try {
    linkSync(source, target)
    return false
  } catch (fault) {
    const code = codeOf(fault)
    if (code === 'EEXIST') {
      rmSync(target, { force: true })
      return linkFile(source, target, copying)
    }
    if (!COPY_INSTEAD.has(code)) throw fault
    copy(source, target)
    return code !== 'EMLINK'
  }
}

function copy(source: string, target: string): void {
  rmSync(target, { force: true })
  copyFileSync(source, target, constants.COPYFILE_EXCL)
  chmodSync(target, 0o444)
}
