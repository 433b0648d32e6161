/**
 * An empty working directory for as long as a command runs code of a package.
 *
 * Node lets worker threads read the working directory of the process. Where an executor runs them it
 * is empty; a package must meet the same here, or it would be refused only when it is dropped.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Paths must be resolved before. The directory of before is back when `work` has ended. */
export async function inEmptyFolder<T>(work: () => Promise<T>): Promise<T> {
  const before = process.cwd()
  const dir = mkdtempSync(join(tmpdir(), 'headgate-cwd-'))
  process.chdir(dir)
  try {
    return await work()
  } finally {
    process.chdir(before)
    rmSync(dir, { recursive: true, force: true })
  }
}
