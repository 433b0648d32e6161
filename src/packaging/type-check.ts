/**
 * Type-checks a package with its author's own TypeScript and tsconfig.json, where both are there.
 */

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'

const compilerSchema = z.object({ version: z.string() })

export interface Compiler {
  readonly version: string
  /** Absolute path of the script behind the command `tsc`, the same in all majors. */
  readonly script: string
}

const MOST_OUTPUT = 1_048_576

/** null: the package has no tsconfig.json, or no TypeScript can be found from its folder. */
export function findCompiler(dir: string): Compiler | null {
  if (!existsSync(join(dir, 'tsconfig.json'))) return null
  try {
    const file = createRequire(join(dir, 'package.json')).resolve('typescript/package.json')
    const { version } = compilerSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    const script = join(dirname(file), 'lib', 'tsc.js')
    return existsSync(script) ? { version, script } : null
  } catch {
    return null
  }
}

/** Throws TYPECHECK_FAILED; its `errors` are the compiler's lines, each with file and line. */
export async function typeCheck(
  dir: string,
  name: string,
  compiler: Compiler,
  signal: AbortSignal,
): Promise<void> {
  const { code, output } = await run(compiler.script, dir, signal)
  if (code === 0) return
  const errors = output.split('\n').filter((line) => line.trim() !== '')
  const found = errors.filter((line) => /: error TS\d+:/.test(line)).length
  const why = `${errors[0] ?? `the compiler ended with ${code}`}${found > 1 ? ` (and ${found - 1} more)` : ''}`
  throw new HeadgateError('TYPECHECK_FAILED', { package: name, why, errors })
}

function run(
  script: string,
  dir: string,
  signal: AbortSignal,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    [script, '-p', 'tsconfig.json', '--noEmit', '--pretty', 'false'],
    {
      cwd: dir,
      signal,
      // Options of the process that packs (a preload, a debugger) are none of the compiler's.
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  const take = (text: string): void => {
    if (output.length < MOST_OUTPUT) output += text
  }
  child.stdout.setEncoding('utf8').on('data', take)
  child.stderr.setEncoding('utf8').on('data', take)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}
