/** Runs `headgate` for a test: in this process, or as one of its own. */

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { runCommand } from '../../src/cli/main.ts'
import type { Teardown } from '../helpers/workspace.ts'

export const SHIM: string = join(import.meta.dirname, '../../src/cli/headgate.js')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function spawned(
  args: readonly string[],
  cwd = tmpdir(),
  node: readonly string[] = [SHIM],
): Promise<Ended> {
  const child = spawn(process.execPath, [...node, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

/** In this process, with the streams of a pipe. */
export async function run(
  args: readonly string[],
  more: {
    stdin?: string
    env?: Record<string, string>
    interrupt?: AbortSignal
    isTTY?: boolean
  } = {},
): Promise<Ended & { readonly out: PassThrough }> {
  const stdin = new PassThrough()
  stdin.end(more.stdin ?? '')
  const out = Object.assign(new PassThrough(), { isTTY: more.isTTY ?? false })
  const err = new PassThrough()
  let stdout = ''
  let stderr = ''
  out.on('data', (chunk) => (stdout += chunk))
  err.on('data', (chunk) => (stderr += chunk))
  const terminal = { stdin, stdout: out, stderr: err, env: more.env ?? {} }
  const code = await runCommand(args, terminal, more.interrupt ?? new AbortController().signal)
  return { code, stdout, stderr, out }
}

export function folder(t: Teardown): string {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-cli-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
