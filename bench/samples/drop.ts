/** Drops versions of one size in one form into an executor, one after the other. */

import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stop } from 'esbuild'
import { createExecutor } from '../../src/index.ts'
import { pack, packFolder } from '../../src/packaging/pack.ts'
import { untilSpare, within } from '../lib/executor.ts'
import { writePackage } from '../lib/packages.ts'
import { seeded } from '../lib/random.ts'

export type DropForm = 'source' | 'packed' | 'archive'

export interface DropSpec {
  readonly form: DropForm
  /** Of the file that the package reads. */
  readonly bytes: number
  readonly drops: number
  readonly workDir: string
}

export interface DropResult {
  /** From just before the rename to the first answer of the version, ms. */
  readonly servedMs: readonly number[]
  /** The part in which it was copied and hashed, ms. */
  readonly stageMs: readonly number[]
}

/** Longer than the 250 ms a source folder must have been quiet. */
const QUIET_MS = 300
const NAME = 'dropped'
const TASK = `public::${NAME}::w::size`

const SOURCE = `import { readFileSync } from 'node:fs'
import { definePackage, workflow } from 'headgate/sdk'
const size = readFileSync(new URL('./data.bin', import.meta.url)).length
export default definePackage({
  workflows: [workflow('w').task('size', { run: () => ({ size }) })],
})
`

export async function sampleDrop(spec: DropSpec): Promise<DropResult> {
  const folder = (name: string): string => {
    const path = join(spec.workDir, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const packagesDir = folder('packages')
  process.chdir(folder('empty'))
  const prepared: string[] = []
  for (let patch = 0; patch <= spec.drops; patch++) {
    prepared.push(await prepare(spec, folder('aside'), patch))
  }
  await stop()
  await sleep(QUIET_MS)
  const executor = await createExecutor({ packagesDir, dataDir: join(spec.workDir, 'data') })
  const servedMs: number[] = []
  const stageMs: number[] = []
  try {
    for (const [patch, path] of prepared.entries()) {
      await untilSpare(executor)
      const version = `1.0.${patch}`
      const receipt = executor.events.once('receipt', ({ to }) => to.version === version)
      const began = performance.now()
      renameSync(path, join(packagesDir, basename(path)))
      const { stageMs: staged } = await within(`the swap to ${version}`, receipt)
      const { output } = await firstAnswer(executor, version)
      const ms = performance.now() - began
      if (output.size !== spec.bytes) throw new Error(`${output.size} bytes were read`)
      // The first finds an empty executor: it is what the others are held against, and not counted.
      if (patch === 0) continue
      servedMs.push(ms)
      stageMs.push(staged ?? Number.NaN)
    }
  } finally {
    await executor.close()
  }
  return { servedMs, stageMs }
}

async function firstAnswer(
  executor: Awaited<ReturnType<typeof createExecutor>>,
  version: string,
): Promise<{ readonly output: { readonly size: number } }> {
  const answer = await executor.invokeJson(TASK, '{}')
  if (answer.version !== version) throw new Error(`${answer.version} answered for ${version}`)
  return { output: JSON.parse(answer.json) }
}

/** A folder or archive ready to be renamed in. Random bytes: a smaller archive would be another test. */
async function prepare(spec: DropSpec, aside: string, patch: number): Promise<string> {
  const version = `1.0.${patch}`
  const source = writePackage(join(aside, 'source'), { name: NAME, version, source: SOURCE })
  writeFileSync(join(source, 'data.bin'), randomBytes(spec.bytes, patch))
  if (spec.form === 'source') return source
  if (spec.form === 'archive') return (await pack({ dir: source, out: aside })).path
  const to = join(aside, `packed-${version}`)
  await packFolder({ dir: source, to })
  return to
}

function randomBytes(length: number, seed: number): Buffer {
  const random = seeded(seed + 1)
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at++) bytes[at] = Math.floor(random() * 256)
  return bytes
}
