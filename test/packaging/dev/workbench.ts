/** A source folder under `headgate dev`, without the command: the real executor, real saves. */

import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stop } from 'esbuild'
import { systemClock } from '../../../src/base/clock.ts'
import type { Executor } from '../../../src/executor/api.ts'
import { createExecutor } from '../../../src/executor/create-executor.ts'
import type { NotServed, Served } from '../../../src/packaging/dev/dev-events.ts'
import { DevSession } from '../../../src/packaging/dev/dev-session.ts'
import { within } from '../../executor/helpers.ts'
import type { Files } from '../../helpers/package-files.ts'

export const SAMPLES: string = join(import.meta.dirname, '../../../packages-dir')

export type Event =
  | ({ readonly type: 'serving' } & Served)
  | ({ readonly type: 'refused' } & NotServed)

export interface Workbench {
  readonly dir: string
  readonly session: DevSession
  readonly executor: Executor
  /** All so far. */
  readonly events: readonly Event[]
  path(file: string): string
  read(file: string): string
  write(file: string, text: string): void
  edit(file: string, from: string | RegExp, to: string): void
  /** Resolves with the next event after the call, whatever it is, or the first that `accept` takes. */
  next(accept?: (event: Event) => boolean): Promise<Event>
  /** Names in the packages folder and in the artifact store. */
  kept(): { readonly drops: readonly string[]; readonly artifacts: readonly string[] }
}

export interface Opened {
  /** A folder that is copied, or files. */
  readonly from: string | Files
  readonly start?: boolean
}

export async function openWorkbench(
  t: { teardown(fn: () => unknown): void },
  { from, start = true }: Opened,
): Promise<Workbench> {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'headgate-bench-'))
  const dir = join(root, 'source')
  const packagesDir = join(root, 'packages')
  const dataDir = join(root, 'data')
  for (const folder of [dir, packagesDir, join(root, 'cwd')]) mkdirSync(folder)
  if (typeof from === 'string') cpSync(from, dir, { recursive: true })
  process.chdir(join(root, 'cwd'))
  const executor = await createExecutor({ packagesDir, dataDir, keepWarmMs: 0, removeAfterMs: 50 })
  const session = new DevSession({
    dir,
    tenant: 'public',
    executor,
    packagesDir,
    dataDir,
    clock: systemClock,
  })
  const events: Event[] = []
  const waiting = new Set<(event: Event) => void>()
  const take = (event: Event): void => {
    events.push(event)
    for (const one of waiting) one(event)
  }
  session.events.on('serving', (served) => take({ type: 'serving', ...served }))
  session.events.on('refused', (refused) => take({ type: 'refused', ...refused }))
  t.teardown(async () => {
    await Promise.all([session.close(), executor.close({ force: true })])
    await stop()
    process.chdir(tmpdir())
    rmSync(root, { recursive: true, force: true })
  })
  const path = (file: string): string => join(dir, file)
  const bench: Workbench = {
    dir,
    session,
    executor,
    events,
    path,
    read: (file) => readFileSync(path(file), 'utf8'),
    write(file, text) {
      mkdirSync(dirname(path(file)), { recursive: true })
      writeFileSync(path(file), text)
    },
    edit(file, from, to) {
      const before = bench.read(file)
      const after = before.replace(from, to)
      if (after === before) throw new Error(`${file} has no ${from}`)
      bench.write(file, after)
    },
    next(accept = () => true) {
      const found = Promise.withResolvers<Event>()
      const look = (event: Event): void => {
        if (!accept(event)) return
        waiting.delete(look)
        found.resolve(event)
      }
      waiting.add(look)
      return within('the next event of the session', found.promise)
    },
    kept: () => ({
      drops: readdirSync(packagesDir),
      artifacts: readdirSync(join(dataDir, 'artifacts')),
    }),
  }
  if (typeof from !== 'string') {
    for (const [file, text] of Object.entries(from)) bench.write(file, text)
  }
  if (start) await session.start()
  return bench
}
