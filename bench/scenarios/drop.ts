/**
 * From a drop to its first answer, by size and by form.
 */

import { runSample } from '../lib/sample.ts'
import { median } from '../lib/stats.ts'
import { openWorkspace } from '../lib/workspace.ts'
import type { DropForm, DropResult, DropSpec } from '../samples/drop.ts'
import type { Scenario } from './scenario.ts'

const SAMPLE = new URL('../samples/drop-process.ts', import.meta.url)
const FORMS: readonly DropForm[] = ['source', 'packed', 'archive']
const SIZES = [
  ['10KB', 10_240],
  ['1MB', 1_048_576],
  ['20MB', 20 * 1_048_576],
] as const

export const drop: Scenario = {
  name: 'drop',
  summary:
    'from the rename of a drop to its first answer: source folder, packed folder and .tgz, by size',
  async run({ quick, rounds = quick ? 1 : 15, progress }) {
    const figures: Record<string, number> = {}
    const rows: (string | number)[][] = []
    // Each drop waits a second for the spare thread to come back.
    for (const [size, bytes] of quick ? SIZES.slice(0, 2) : SIZES) {
      for (const form of FORMS) {
        progress(`${form} ${size}`)
        using workspace = openWorkspace('bench')
        const spec: DropSpec = { form, bytes, drops: rounds, workDir: workspace.dir }
        const result = await runSample<DropResult>(SAMPLE, spec)
        const served = median(result.servedMs)
        const slowest = Math.max(...result.servedMs)
        const staged = median(result.stageMs)
        figures[`${form}.${size}.servedMs.p50`] = served
        figures[`${form}.${size}.servedMs.max`] = slowest
        figures[`${form}.${size}.stageMs.p50`] = staged
        rows.push([`${size}, ${form}`, served, slowest, staged])
      }
    }
    const title = `Drop to first answer, ${rounds} drops each`
    const columns = ['', 'served ms', 'slowest ms', 'of it staging ms']
    return { figures, tables: [{ title, columns, rows }], goals: [], notes: [] }
  },
}
