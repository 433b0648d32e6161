/**
 * How fast a version of a real package is there: rename of a prepared folder to its first answer, for
 * the sample package as source and packed, with a caller at hand and with a busy one.
 */

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { helperThreadsFlags } from '../../src/cli/helper-threads.ts'
import { runSample } from '../lib/sample.ts'
import { type From, partsOf, partsTable } from '../lib/swap-parts.ts'
import { median } from '../lib/stats.ts'
import { openWorkspace } from '../lib/workspace.ts'
import { SAMPLE_DIR } from '../samples/swap-subject.ts'
import type { SwapResult, SwapSpec } from '../samples/swap.ts'
import type { Scenario } from './scenario.ts'

const SAMPLE = new URL('../samples/swap-process.ts', import.meta.url)

/** A call every ms finds the new version within a ms of the swap and leaves the cores to it. */
const LOADS: Readonly<Record<string, SwapSpec['load']>> = {
  '': { perSecond: 1000 },
  // The next call as soon as the last was answered: a core and a half of calls beside the swap.
  Busy: { inFlight: 1 },
}
const FORMS = ['sample', 'packedSample'] as const

export const sample: Scenario = {
  name: 'sample',
  summary: 'from the rename of a version of the sample package to its first answer, with its parts',
  async run({ quick, rounds = quick ? 1 : 20, progress }) {
    const figures: Record<string, number> = {}
    const notes: string[] = []
    const runs: Record<string, From> = {}
    using workspace = openWorkspace('bench')
    const counts = { failed: 0, lost: 0, doubled: 0, wrong: 0 }
    for (const [suffix, load] of Object.entries(LOADS)) {
      for (const form of FORMS) {
        const name = `${form}${suffix}`
        progress(`${name}: ${rounds} drops`)
        const warmUpMs = quick ? 200 : 1500
        const copyMs = plainCopyMs(workspace.folder(`${name}-copies`))
        const spec: SwapSpec = {
          mode: form,
          load,
          swaps: rounds,
          rounds: 1,
          warmUpMs,
          workDir: workspace.folder(name),
        }
        const result = await runSample<SwapResult>(SAMPLE, spec, helperThreadsFlags())
        runs[name] = 'dropToFirstTaskMs'
        Object.assign(figures, partsOf(name, 'dropToFirstTaskMs', [result]))
        figures[`${name}.plainCopyMs`] = copyMs
        notes.push(
          `${name}: just before, a plain copy of the source folder took ${copyMs.toFixed(1)} ms`,
        )
        notes.push(...result.problems)
        for (const key of ['failed', 'lost', 'doubled', 'wrong'] as const) {
          counts[key] += result[key]
        }
      }
    }
    const title = `From the rename to the first answer, ms, median of ${rounds}`
    return {
      figures: { ...counts, ...figures },
      tables: [partsTable(title, runs, figures)],
      goals: [
        ...['failed', 'lost', 'doubled', 'wrong'].map((figure) => ({ figure, atMost: 0 })),
        ...Object.keys(runs).map((name) => ({
          figure: `${name}.dropToFirstTaskMs.p50`,
          atMost: 15,
        })),
      ],
      notes,
    }
  },
}

/**
 * What the file system asks for the same files at this moment, without hashing and checks: on ext4 it
 * differs up to tenfold (workspace.ts), and most of staging is that.
 */
function plainCopyMs(to: string): number {
  const times = Array.from({ length: 9 }, (_, copy) => {
    const began = performance.now()
    cpSync(SAMPLE_DIR, join(to, String(copy)), { recursive: true })
    return performance.now() - began
  })
  return median(times)
}
