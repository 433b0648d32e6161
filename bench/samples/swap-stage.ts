/**
 * The stage of the swap scenario: an executor with one package, and its next versions prepared
 * outside the watched folder, on the same file system.
 */

import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stop } from 'esbuild'
import { createExecutor } from '../../src/index.ts'
import type { Executor } from '../../src/executor/api.ts'
import { untilActive, untilSpare } from '../lib/executor.ts'
import type { Subject } from './swap-subject.ts'

/** Longer than the 250 ms a folder must have been quiet, so that a drop is complete as it lands. */
const QUIET_MS = 300

export interface Stage {
  readonly executor: Executor
  /** Renames the version into the watched folder. */
  drop(patch: number): void
}

export interface StageOptions {
  readonly workDir: string
  readonly subject: Subject
  /** Patches 1 to `patches` are prepared; 0 is in the folder from the start. */
  readonly patches: number
  /** How long a version that was swapped out stays warm. */
  readonly keepWarmMs: number
}

/** Changes the working directory of the process to an empty folder: the executor demands it. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { subject } = options
  const folder = (name: string): string => {
    const path = join(options.workDir, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const packagesDir = folder('packages')
  const aside = folder('aside')
  await subject.write(packagesDir, 0)
  for (let patch = 1; patch <= options.patches; patch++) await subject.write(aside, patch)
  // Packing leaves a process of its own behind.
  await stop()
  const quiet = sleep(QUIET_MS)
  process.chdir(folder('empty'))
  const executor = await createExecutor({
    packagesDir,
    dataDir: join(options.workDir, 'data'),
    keepWarmMs: options.keepWarmMs,
  })
  await quiet
  await untilActive(executor, subject.package, subject.version(0))
  await untilSpare(executor)
  return {
    executor,
    drop(patch) {
      const entry = `${subject.package}-${subject.version(patch)}`
      renameSync(join(aside, entry), join(packagesDir, entry))
    },
  }
}
