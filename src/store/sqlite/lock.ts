/**
 * One executor per data dir.
 *
 * Owns: `lock.db`, on which the holder keeps an exclusive SQLite lock, and `lock.pid`, which only
 * names the holder in the message of the one that is refused.
 *
 * L1  the operating system gives the lock up when the process ends, however it ends.
 * L2  SQLite arbitrates between connections of one process too, so a second store in the same
 *     process is refused like one in another.
 * L3  nothing of headgate opens `lock.db` except through SQLite: POSIX drops a process's locks on a
 *     file when the process closes any descriptor of it.
 */

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HeadgateError, messageOf } from '../../base/errors.ts'
import { holderFile, readHolder } from './lock-holder.ts'

const SQLITE_BUSY = 5

export interface DataDirLock {
  /** Idempotent. */
  release(): void
}

/**
 * Takes the data dir for this store, creating the folder when it is missing.
 *
 * Throws DATA_DIR_IN_USE `{dir, pid}` or DATA_DIR_INVALID `{dir, why}`.
 */
export function lockDataDir(dir: string): DataDirLock {
  const pidFile = holderFile(dir)
  let db: DatabaseSync | undefined
  try {
    createFolder(dir)
    db = new DatabaseSync(join(dir, 'lock.db'), { timeout: 0 })
    db.exec('pragma locking_mode = exclusive; begin exclusive')
    writeFileSync(pidFile, `${process.pid}\n`)
  } catch (fault) {
    db?.close()
    if (isBusy(fault)) {
      throw new HeadgateError(
        'DATA_DIR_IN_USE',
        { dir, pid: readHolder(dir) ?? 'unknown' },
        { cause: fault },
      )
    }
    throw new HeadgateError('DATA_DIR_INVALID', { dir, why: messageOf(fault) }, { cause: fault })
  }
  const held = db
  return {
    release() {
      if (!held.isOpen) return
      try {
        // Before the lock goes: afterwards the file may be the next holder's.
        rmSync(pidFile, { force: true })
      } finally {
        held.close()
      }
    },
  }
}

/** Not `recursive: true`: that repeats for ever where a parent exists but takes no folder (/proc). */
function createFolder(dir: string): void {
  if (existsSync(dir)) return
  createFolder(dirname(dir))
  mkdirSync(dir)
}

function isBusy(fault: unknown): boolean {
  return fault instanceof Error && 'errcode' in fault && fault.errcode === SQLITE_BUSY
}
