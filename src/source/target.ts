/**
 * Files written into a temporary folder of the artifact store. Every fault is the machine's.
 */

import { mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from './fs-fault.ts'
import { StageFault } from './stage-fault.ts'

const COPY_MODE = 0o444

export function openTarget(target: string): number {
  try {
    return openSync(target, 'wx', COPY_MODE)
  } catch (fault) {
    throw targetFault(fault)
  }
}

export function writeFully(fd: number, bytes: Buffer): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
  } catch (fault) {
    throw targetFault(fault)
  }
}

export function makeFolder(folder: string, to: string, made: Set<string>): void {
  if (made.has(folder)) return
  try {
    mkdirSync(join(to, folder), { recursive: true })
  } catch (fault) {
    throw targetFault(fault)
  }
  made.add(folder)
}

function targetFault(fault: unknown): StageFault {
  const why = `writing to the artifact store failed: ${codeOf(fault)}`
  return new StageFault('resources', why, { cause: fault })
}
