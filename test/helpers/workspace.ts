/**
 * A place for one test file: packages, data, and the empty working directory worker threads may see.
 * Removed after the test.
 */

import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Executor, ExecutorOptions } from '../../src/executor/api.ts'
import { createExecutor } from '../../src/executor/create-executor.ts'
import { type PackageText, packageFiles, writeFiles } from './package-files.ts'

/** Of the folders this process makes. */
export const workspacePrefix = `headgate-test-${process.pid}-`

export interface Teardown {
  teardown(fn: () => unknown): void
}

export interface Workspace {
  readonly root: string
  readonly packagesDir: string
  readonly dataDir: string
  /** The working directory before the test. */
  readonly launchDir: string
  /** A path under `root`. */
  path(...parts: readonly string[]): string
  /** Prepares the package elsewhere on the same file system and renames it in: complete at once. */
  writePackage(text: PackageText): void
  /** Takes a package of tenant `public` away. */
  removePackage(name: string, version?: string): void
}

export function openWorkspace(t: Teardown): Workspace {
  const root = mkdtempSync(join(tmpdir(), workspacePrefix))
  const launchDir = process.cwd()
  const path = (...parts: readonly string[]): string => join(root, ...parts)
  const packagesDir = path('packages')
  mkdirSync(packagesDir)
  mkdirSync(path('empty'))
  process.chdir(path('empty'))
  t.teardown(() => {
    process.chdir(launchDir)
    rmSync(root, { recursive: true, force: true })
  })
  let prepared = 0
  const entry = (name: string, version = '1.0.0', tenant?: string): string =>
    join(packagesDir, tenant === undefined ? '' : `@${tenant}`, `${name}-${version}`)
  return {
    root,
    packagesDir,
    dataDir: path('data'),
    launchDir,
    path,
    writePackage(text) {
      const staging = path(`prepared-${prepared++}`)
      writeFiles(staging, packageFiles(text))
      const target = entry(text.name, text.version, text.tenant)
      mkdirSync(dirname(target), { recursive: true })
      renameSync(staging, target)
    },
    removePackage(name, version) {
      const gone = path(`removed-${prepared++}`)
      renameSync(entry(name, version), gone)
      rmSync(gone, { recursive: true })
    },
  }
}

/** An executor of this workspace; it is closed before the workspace is removed. */
export async function startExecutor(
  t: Teardown,
  workspace: Workspace,
  options: Partial<ExecutorOptions> = {},
): Promise<Executor> {
  const { packagesDir, dataDir } = workspace
  const executor = await createExecutor({ packagesDir, dataDir, ...options })
  t.teardown(() => executor.close({ force: true }))
  return executor
}
