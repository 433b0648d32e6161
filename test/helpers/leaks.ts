/** What a test file must give back: worker threads, descriptors, temporary folders. Linux. */

import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Teardown } from './workspace.ts'
import { workspacePrefix } from './workspace.ts'
import { until } from './until.ts'

/** Threads of this process that run a Worker; Node names them, headgate some of its own. */
export function workerThreads(): number {
  return readdirSync('/proc/self/task').filter((id) => {
    try {
      const name = readFileSync(`/proc/self/task/${id}/comm`, 'utf8')
      return name.startsWith('WorkerThread') || name.startsWith('headgate-')
    } catch {
      return false
    }
  }).length
}

/** Open sockets, and open files below the temporary folder. */
function openFiles(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith('socket:') || path.startsWith(tmpdir())
    } catch {
      return false
    }
  }).length
}

function workspaces(): number {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(workspacePrefix)).length
}

/** Call first in a test file: teardowns run last to first, so this looks when all others ran. */
export function refuseLeaks(t: Teardown): void {
  const filesBefore = openFiles()
  t.teardown(async () => {
    const left = (): readonly number[] => [
      workerThreads(),
      Math.max(0, openFiles() - filesBefore),
      workspaces(),
    ]
    await until(() => left().every((count) => count === 0), 'nothing left', 5_000).catch(() => {
      throw new Error(`left behind [threads, files, folders]: ${left().join()}`)
    })
  })
}
