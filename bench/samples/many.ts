/**
 * One sample of the scenario `many`: an executor over very many packages, in this process.
 *
 * Every package has ten files, eight of them modules that its entry imports.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Executor } from '../../src/executor/api.ts'
import { createExecutor } from '../../src/index.ts'
import { until, untilSpare } from '../lib/executor.ts'
import { type ProcessState, processState } from '../lib/process-state.ts'

export interface ManySpec {
  readonly packages: number
  /** First calls of cold packages that are timed. */
  readonly calls: number
  readonly workDir: string
}

export interface ManyResult {
  /** createExecutor() until every package serves, on an empty data dir. */
  readonly startMs: number
  /** The same with the artifacts of the run before. */
  readonly restartMs: number
  readonly serving: number
  readonly cold: number
  /** inotify watches; null: not known here. */
  readonly watches: number | null
  readonly before: ProcessState
  readonly idle: ProcessState
  /** One call of one package after the other, each cold, ms. */
  readonly coldCallMs: readonly number[]
  /** The call after that, ms. */
  readonly warmCallMs: readonly number[]
}

const MODULES = 8
/** Worker threads that idle packages may keep. */
const MAX_THREADS = 16
/** Longer than the 250 ms a folder must have been quiet, so that none is incomplete at the start. */
const QUIET_MS = 300

export async function sampleMany(spec: ManySpec): Promise<ManyResult> {
  const folder = (name: string): string => {
    const path = join(spec.workDir, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const packagesDir = folder('packages')
  for (let n = 0; n < spec.packages; n++) write(packagesDir, nameOf(n))
  await sleep(QUIET_MS)
  process.chdir(folder('empty'))
  const options = { packagesDir, dataDir: join(spec.workDir, 'data'), maxThreads: MAX_THREADS }
  const before = processState()
  let began = performance.now()
  const first = await createExecutor(options)
  const startMs = performance.now() - began
  await first.close()
  began = performance.now()
  const executor = await createExecutor(options)
  const restartMs = performance.now() - began
  try {
    await untilSpare(executor)
    await until('idle packages to be cold', () => executor.status().threads <= MAX_THREADS + 1)
    const rows = executor.packages()
    const active = rows.flatMap(({ generations }) => generations).filter(isActive)
    const { watches } = executor.status().watch
    const idle = processState()
    const { coldCallMs, warmCallMs } = await callCold(executor, spec)
    const cold = active.filter(({ threads }) => threads === 0).length
    const serving = rows.filter(({ activeVersion }) => activeVersion !== null).length
    return { startMs, restartMs, serving, cold, watches, before, idle, coldCallMs, warmCallMs }
  } finally {
    await executor.close()
  }
}

function isActive({ state }: { readonly state: string }): boolean {
  return state === 'active'
}

async function callCold(
  executor: Executor,
  { packages, calls }: ManySpec,
): Promise<Pick<ManyResult, 'coldCallMs' | 'warmCallMs'>> {
  const coldCallMs: number[] = []
  const warmCallMs: number[] = []
  for (let call = 0; call < calls; call++) {
    const name = nameOf(Math.floor((call * packages) / calls))
    const generation = executor.package('public', name)?.generations.find(isActive)
    if (generation?.threads !== 0) continue
    const namespace = `public::${name}::wf::answer`
    for (const times of [coldCallMs, warmCallMs]) {
      const began = performance.now()
      const answer = await executor.invoke(namespace, { input: call })
      times.push(performance.now() - began)
      if (answer !== call * MODULES) throw new Error(`${name} answered ${String(answer)}`)
    }
  }
  return { coldCallMs, warmCallMs }
}

function nameOf(n: number): string {
  return `many-${String(n).padStart(4, '0')}`
}

function write(parent: string, name: string): void {
  const dir = join(parent, name)
  mkdirSync(dir, { recursive: true })
  const manifest = { name, version: '1.0.0', type: 'module', headgate: { entry: 'index.js' } }
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest))
  const modules = Array.from({ length: MODULES }, (_, n) => `part${n}`)
  for (const part of modules) writeFileSync(join(dir, `${part}.js`), `export const ${part} = 1\n`)
  writeFileSync(
    join(dir, 'index.js'),
    `import { definePackage, workflow } from 'headgate/sdk'
${modules.map((part) => `import { ${part} } from './${part}.js'`).join('\n')}

export default definePackage({
  workflows: [
    workflow('wf').task('answer', {
      run: (_, { input }) => input * (${modules.join(' + ')}),
    }),
  ],
})
`,
  )
}
