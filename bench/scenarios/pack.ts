/**
 * What packing costs, and what comes out: the two samples, and three real libraries in three versions
 * each.
 */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { libraryPackages, writeLibraryPackage } from '../lib/library-packages.ts'
import { runSample } from '../lib/sample.ts'
import { median } from '../lib/stats.ts'
import { openWorkspace } from '../lib/workspace.ts'
import type { PackResult, PackSpec } from '../samples/pack.ts'
import type { Scenario } from './scenario.ts'

const SAMPLE = new URL('../samples/pack-process.ts', import.meta.url)
const SAMPLES_DIR = fileURLToPath(new URL('../../packages-dir', import.meta.url))
const LIBRARIES = ['marked', 'ajv', 'mustache'] as const

export const pack: Scenario = {
  name: 'pack',
  summary: 'packing the samples and real libraries: time of the command and of packing, sizes',
  async run({ quick, rounds = quick ? 1 : 9, progress }) {
    using workspace = openWorkspace('bench')
    const libraries = LIBRARIES.flatMap((library) => {
      const all = libraryPackages(library)
      return quick ? all.slice(-1) : all
    })
    const sources = workspace.folder('sources')
    const subjects = [
      ...['analytics_pipeline-2.1.0', 'marketing_campaigns-1.3.0'].map((name) => ({
        name,
        dir: join(SAMPLES_DIR, name),
      })),
      ...libraries.map((one) => ({
        name: `${one.library}-${one.version}`,
        dir: writeLibraryPackage(sources, one),
      })),
    ]
    const figures: Record<string, number> = {}
    const rows: (string | number)[][] = []
    for (const { name, dir } of subjects) {
      progress(name)
      const spec: PackSpec = { dir, rounds, workDir: workspace.folder(`work-${name}`) }
      const result = await runSample<PackResult>(SAMPLE, spec)
      const { bundleBytes, sourceMapBytes, archiveBytes, dependencies } = result
      const commandMs = median(result.commandMs)
      const packMs = median(result.warmMs)
      const of = { commandMs, packMs, bundleBytes, sourceMapBytes, archiveBytes, dependencies }
      for (const [key, value] of Object.entries(of)) figures[`${name}.${key}`] = value
      rows.push([name, ...Object.values(of)])
    }
    const title = `Packing, median of ${rounds}`
    const columns = ['', 'command ms', 'pack ms', 'bundle B', 'map B', 'archive B', 'dependencies']
    return { figures, tables: [{ title, columns, rows }], goals: [], notes: [] }
  },
}
