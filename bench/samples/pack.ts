/** Packs one source folder again and again in one process, and once as the command does. */

import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stop } from 'esbuild'
import { pack } from '../../src/packaging/pack.ts'

export interface PackSpec {
  readonly dir: string
  readonly rounds: number
  readonly workDir: string
}

export interface PackResult {
  /** Of the whole command, a new process each, ms. */
  readonly commandMs: readonly number[]
  /** Of the packing itself in a process that has packed before, ms. */
  readonly warmMs: readonly number[]
  readonly bundleBytes: number
  readonly sourceMapBytes: number
  readonly archiveBytes: number
  readonly dependencies: number
}

const SHIM = fileURLToPath(new URL('../../src/cli/headgate.js', import.meta.url))

export async function samplePack({ dir, rounds, workDir }: PackSpec): Promise<PackResult> {
  const folder = (name: string): string => {
    const path = join(workDir, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const out = folder('out')
  process.chdir(folder('empty'))
  const commandMs: number[] = []
  for (let round = 0; round < rounds; round++) commandMs.push(await command(dir, out))
  const warmMs: number[] = []
  let packed = await pack({ dir, out })
  for (let round = 0; round < rounds; round++) {
    packed = await pack({ dir, out })
    warmMs.push(packed.ms)
  }
  await stop()
  return {
    commandMs,
    warmMs,
    bundleBytes: packed.bytes.bundle,
    sourceMapBytes: packed.bytes.sourceMap,
    archiveBytes: packed.archiveBytes,
    dependencies: packed.dependencies.length,
  }
}

function command(dir: string, out: string): Promise<number> {
  const began = performance.now()
  const child = spawn(process.execPath, [SHIM, 'pack', dir, '--out', out], {
    env: {},
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(performance.now() - began)
      else reject(new Error(`headgate pack ended with ${code}: ${said}`))
    })
  })
}
