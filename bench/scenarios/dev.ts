/**
 * From a save to the first answer by the saved code, with `headgate dev` as a user runs it: a process
 * of its own, called over HTTP.
 */

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDevCommand } from '../lib/dev-command.ts'
import { median, quantile } from '../lib/stats.ts'
import { openWorkspace } from '../lib/workspace.ts'
import type { Outcome, Scenario } from './scenario.ts'

const SAMPLES_DIR = fileURLToPath(new URL('../../packages-dir', import.meta.url))

const SUBJECTS = [
  {
    folder: 'analytics_pipeline-2.1.0',
    workflow: 'public::analytics_pipeline::analytics_workflow',
    task: 'generate_reports',
  },
  {
    folder: 'marketing_campaigns-1.3.0',
    workflow: 'public::marketing_campaigns::marketing_workflow',
    task: 'create_campaigns',
  },
] as const

/** A person's pace: the next thread has been started meanwhile. `hasty`: at once after the answer. */
const PAUSES_MS = { paced: 1_200, hasty: 0 } as const

const PARTS = ['notice', 'bundle', 'stage', 'load', 'swap'] as const

const GOALS: Outcome['goals'] = SUBJECTS.flatMap(({ folder }) =>
  (['paced', 'hasty'] as const).map((pace) => ({
    figure: `${folder}.${pace}.savedToAnswerMs.p50`,
    atMost: 300,
  })),
)

export const dev: Scenario = {
  name: 'dev',
  summary: 'headgate dev: from a save to the first answer by the saved code',
  async run({ quick, rounds = quick ? 5 : 20, progress }) {
    const figures: Record<string, number> = {}
    const rows: (string | number)[][] = []
    for (const { folder, workflow, task } of SUBJECTS) {
      using workspace = openWorkspace('bench')
      const dir = join(workspace.folder('source'), folder)
      cpSync(join(SAMPLES_DIR, folder), dir, { recursive: true })
      await using command = await openDevCommand(dir)
      const edited = { file: join(dir, 'src/workflow.ts'), task, workflow }
      for (const [pace, pauseMs] of Object.entries(PAUSES_MS)) {
        progress(`${folder}, ${pace}: ${rounds} saves`)
        const saves = await command.saves(edited, { count: rounds, pauseMs })
        const took = saves.map(({ savedToAnswerMs }) => savedToAnswerMs)
        const key = `${folder}.${pace}.savedToAnswerMs`
        const p50 = median(took)
        const p90 = quantile(took, 0.9)
        const slowest = Math.max(...took)
        Object.assign(figures, {
          [`${key}.p50`]: p50,
          [`${key}.p90`]: p90,
          [`${key}.max`]: slowest,
        })
        const parts = PARTS.map((part) => median(saves.map(({ ms }) => ms[part])))
        rows.push([`${folder}, ${pace}`, p50, p90, slowest, ...parts])
      }
    }
    const title = `A save to the first answer over HTTP, ms, ${rounds} saves each`
    const columns = ['', 'p50', 'p90', 'slowest', ...PARTS]
    return { figures, tables: [{ title, columns, rows }], goals: GOALS, notes: [] }
  },
}
