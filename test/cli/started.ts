/** `headgate start` as a process of its own over a temporary folder, ended with the test. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createClient, type HeadgateClient } from '../../src/client/client.ts'
import { packageFiles, type PackageText, writeFiles } from '../helpers/package-files.ts'
import { SHIM } from './command.ts'

export interface Started {
  readonly child: ChildProcess
  readonly client: HeadgateClient
  readonly url: string
  readonly dataDir: string
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  readonly stderr: () => string
  /** Resolves when the log contains `part`. */
  logged(part: string): Promise<void>
  drop(text: PackageText): void
}

/** `more`: further arguments of `start`. Resolves when it is ready, or as soon as it listens. */
export async function start(
  t: Test,
  first: PackageText,
  more: readonly string[] = [],
  until: 'ready' | 'listening' = 'ready',
): Promise<Started> {
  const root = mkdtempSync(join(tmpdir(), 'headgate-start-'))
  mkdirSync(join(root, 'packages'))
  let prepared = 0
  const drop = (text: PackageText): void => {
    const staging = join(root, `prepared-${prepared++}`)
    writeFiles(staging, packageFiles(text))
    renameSync(staging, join(root, 'packages', `${text.name}-${text.version ?? '1.0.0'}`))
  }
  drop(first)
  const args = [SHIM, 'start', '--packages', 'packages', '--data', 'data', '--port', '0', ...more]
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], DB_PASSWORD: 'hunter2' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  )
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(root, { recursive: true, force: true })
  })
  let stderr = ''
  const waiting = new Set<() => void>()
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    for (const check of waiting) check()
  })
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    const said = until === 'ready' ? child.stdout : child.stderr
    said.on('data', (chunk) => {
      text += chunk
      const found = /http:[^\s"]+(?=[\n"])/.exec(text)
      if (found !== null) resolve(found[0])
    })
    void ended.then(() => reject(new Error(`ended before it listened: ${stderr}`)))
  })
  const logged = (part: string): Promise<void> =>
    new Promise((resolve, reject) => {
      void ended.then(() => reject(new Error(`ended before "${part}": ${stderr}`)))
      const check = (): void => {
        if (!stderr.includes(part)) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  const dataDir = join(root, 'data')
  return {
    child,
    client: createClient({ url }),
    url,
    dataDir,
    ended,
    stderr: () => stderr,
    logged,
    drop,
  }
}
