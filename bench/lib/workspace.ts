/**
 * A temporary folder that is gone when the process is, however it ends.
 *
 * One for a scenario, not one for a run: ext4 passes over every inode that was freed in the last
 * minutes, and a run after a large deletion would pay half a ms for each file it makes.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Workspace extends Disposable {
  readonly dir: string
  /** Makes an empty folder in it and returns its path. */
  folder(name: string): string
}

export function openWorkspace(purpose: string): Workspace {
  const dir = mkdtempSync(join(tmpdir(), `headgate-${purpose}-`))
  const remove = (): void => {
    // Artifacts are read-only; rm needs no write permission on files, only on their folders.
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
    process.off('exit', remove)
  }
  process.on('exit', remove)
  return {
    dir,
    folder(name) {
      const path = join(dir, name)
      mkdirSync(path, { recursive: true })
      return path
    },
    [Symbol.dispose]: remove,
  }
}
