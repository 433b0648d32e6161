/** What very many packages cost: the start, watches, memory, and the first call of one that is cold. */

import { runSample } from '../lib/sample.ts'
import { quantile } from '../lib/stats.ts'
import { openWorkspace } from '../lib/workspace.ts'
import type { ManyResult, ManySpec } from '../samples/many.ts'
import type { Scenario } from './scenario.ts'

const SAMPLE = new URL('../samples/many-process.ts', import.meta.url)

export const many: Scenario = {
  name: 'many',
  summary: '1,000 packages: start, watches, memory, first call of a cold one',
  async run(options) {
    using workspace = openWorkspace('bench')
    const packages = options.quick ? 60 : 1000
    const spec: ManySpec = { packages, calls: options.quick ? 12 : 200, workDir: workspace.dir }
    options.progress(`${packages} packages of 10 files`)
    const result = await runSample<ManyResult>(SAMPLE, spec)
    const { before, idle } = result
    const figures = {
      packages,
      serving: result.serving,
      cold: result.cold,
      startMs: result.startMs,
      'startMs.perPackage': result.startMs / packages,
      restartMs: result.restartMs,
      watches: result.watches ?? Number.NaN,
      rssMb: idle.rssMb,
      'rssMb.before': before.rssMb,
      threads: idle.threads,
      fds: idle.fds,
      'coldCallMs.p50': quantile(result.coldCallMs, 0.5),
      'coldCallMs.p99': quantile(result.coldCallMs, 0.99),
      'warmCallMs.p50': quantile(result.warmCallMs, 0.5),
      coldCalls: result.coldCallMs.length,
    }
    return {
      figures,
      tables: [
        {
          title: `${packages} packages of 10 files, at most 16 threads for idle ones`,
          columns: ['start s', 'restart s', 'cold', 'watches', 'RSS MB', 'cold call p50 ms', 'p99'],
          rows: [
            [
              (result.startMs / 1000).toFixed(1),
              (result.restartMs / 1000).toFixed(1),
              result.cold,
              figures.watches,
              Math.round(idle.rssMb),
              figures['coldCallMs.p50'],
              figures['coldCallMs.p99'],
            ],
          ],
        },
      ],
      goals: [
        { figure: 'serving', atLeast: packages },
        { figure: 'coldCallMs.p50', atMost: 60 },
      ],
      notes: [
        'a cold call finds the spare thread only when the last one took it over a second ago: most of these start a thread',
      ],
    }
  },
}
