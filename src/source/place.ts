/**
 * Puts an archive into a packages-dir under a name of its own.
 *
 * The drop appears by one rename of synced bytes; until then its name is one that is ignored. The
 * folder of a tenant is made where it is missing, packages-dir itself never: a new one in the place
 * of one that is not mounted would be empty, and every version in traffic would count as removed.
 */

import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import { codeOf } from './fs-fault.ts'
import { DEFAULT_TENANT } from './scan.ts'

/**
 * `<name>@<version>.tgz`, with `+` for the slash of a scope: neither sign can be in a name or a
 * version, so that no two versions meet.
 */
export function entryNameOf(of: {
  readonly tenant: string
  readonly package: string
  readonly version: string
}): string {
  const name = of.package.replace('@', '').replace('/', '+')
  const folder = of.tenant === DEFAULT_TENANT ? '' : `@${of.tenant}/`
  return `${folder}${name}@${of.version}.tgz`
}

/** A copy of the file `from` as the drop `entry`. Throws PUBLISH_FAILED. */
export function place(from: string, packagesDir: string, entry: string): void {
  const target = join(packagesDir, entry)
  const folder = dirname(target)
  const hidden = join(folder, `.${randomUUID()}.part`)
  try {
    if (entry.includes('/')) makeTenantFolder(folder)
    // Shares the blocks where the file system can.
    copyFileSync(from, hidden, constants.COPYFILE_FICLONE)
    sync(hidden)
    renameSync(hidden, target)
    sync(folder)
  } catch (fault) {
    remove(hidden)
    throw new HeadgateError('PUBLISH_FAILED', { target, why: codeOf(fault) }, { cause: fault })
  }
}

function makeTenantFolder(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (fault) {
    if (codeOf(fault) !== 'EEXIST') throw fault
  }
}

/** The first fault is the one to tell; what stays has a name that is ignored. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    return
  }
}

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
