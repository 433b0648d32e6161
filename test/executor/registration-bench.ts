/** An executor, and packages that lie outside its folder. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Executor,
  type ExecutorOptions,
  loadWorkflowPackage,
  type WorkflowPackage,
} from '../../src/index.ts'
import {
  type Made,
  makePlace,
  makeTasks,
  type Place,
  SAY,
  start,
  type Teardown,
} from './helpers.ts'

export interface Bench {
  readonly place: Place
  readonly executor: Executor
  /** Loads a package written outside of packagesDir. */
  load(made: Made): Promise<WorkflowPackage>
}

export async function bench(t: Teardown, options: Partial<ExecutorOptions> = {}): Promise<Bench> {
  const place = makePlace(t)
  const executor = await start(t, place, options)
  const load = (made: Made): Promise<WorkflowPackage> =>
    loadWorkflowPackage(write(place, made), { executor })
  return { place, executor, load }
}

let folders = 0

/** A plain source folder; its absolute path. */
export function write(place: Place, made: Made): string {
  const folder = join(place.root, `source-${folders++}`)
  mkdirSync(folder)
  for (const [file, text] of Object.entries(made.files)) writeFileSync(join(folder, file), text)
  return folder
}

export function said(name: string, version: string): Made {
  return makeTasks(name, version, SAY)
}
