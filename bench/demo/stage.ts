/**
 * The demo's folders: a copy of the sample packages, a data dir, and the next versions prepared
 * beside them on the same file system.
 */

import { cpSync, existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openWorkspace, type Workspace } from '../lib/workspace.ts'

const SAMPLES = fileURLToPath(new URL('../../packages-dir', import.meta.url))

export interface DemoStage extends Disposable {
  readonly packagesDir: string
  readonly dataDir: string
  /** An empty folder to work in: Node grants workers read access to the working directory. */
  readonly emptyDir: string
  /** Moves a prepared version into the watched folder; the moment before, by performance.now(). */
  drop(entry: string): number
}

export function openDemoStage(): DemoStage {
  const workspace: Workspace = openWorkspace('demo')
  const packagesDir = join(workspace.dir, 'packages-dir')
  const nextDir = join(workspace.dir, 'next')
  cpSync(SAMPLES, packagesDir, {
    recursive: true,
    filter: (path) => path !== join(SAMPLES, '.next'),
  })
  cpSync(join(SAMPLES, '.next'), nextDir, { recursive: true })
  return {
    packagesDir,
    dataDir: workspace.folder('data'),
    emptyDir: workspace.folder('empty'),
    drop(entry) {
      const from = join(nextDir, entry)
      if (!existsSync(from)) {
        throw new Error(`no ${entry} was prepared, only ${readdirSync(nextDir).join(', ')}`)
      }
      const at = performance.now()
      renameSync(from, join(packagesDir, entry))
      return at
    },
    [Symbol.dispose]: () => {
      // The empty folder is the working directory: leave it before it goes.
      process.chdir('/')
      workspace[Symbol.dispose]()
    },
  }
}
