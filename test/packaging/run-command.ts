/** Commands as a user runs them. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { REPOSITORY } from './author.ts'

/** The `headgate` command. */
export const SHIM: string = join(REPOSITORY, 'src', 'cli', 'headgate.js')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: Readonly<Record<string, string>> },
): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: options.cwd, ...options.env }
  const child = spawn(command, args, { cwd: options.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
