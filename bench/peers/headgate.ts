/** headgate through its public door: a dropped package, permissions on, one task an invoke. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createExecutor } from '../../src/index.ts'
import { untilActive } from '../lib/executor.ts'
import { LONG_MS, SHORT_MS } from '../lib/mixed.ts'
import { writePackage } from '../lib/packages.ts'
import type { Peer, PeerOptions, TaskKind } from './peer.ts'

/** The bodies of handlers.ts, as an author writes them. */
const SOURCE = `import { definePackage, workflow } from 'headgate/sdk'

function busy(ms) {
  const until = performance.now() + ms
  while (performance.now() < until);
}

export default definePackage({
  description: 'Handlers of the dispatch benchmark',
  workflows: [
    workflow('wf')
      .task('echo', { run: async (_, ctx) => ctx.input })
      .task('short', { run: async (_, ctx) => { busy(${SHORT_MS}); return ctx.input } })
      .task('long', { run: async (_, ctx) => { busy(${LONG_MS}); return ctx.input } })
      .task('spin', { run: async (_, ctx) => { busy(ctx.input.ms); return ctx.input } }),
  ],
})
`

const NAMESPACES: Readonly<Record<TaskKind, string>> = {
  echo: 'public::bench::wf::echo',
  short: 'public::bench::wf::short',
  long: 'public::bench::wf::long',
  spin: 'public::bench::wf::spin',
}

/** Changes the working directory of the process to an empty folder: the executor demands it. */
export async function openHeadgate(options: PeerOptions): Promise<Peer> {
  const folder = (name: string): string => {
    const path = join(options.workDir, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const packagesDir = folder('packages')
  writePackage(packagesDir, {
    name: 'bench',
    version: '1.0.0',
    headgate: { threads: options.threads },
    source: SOURCE,
  })
  process.chdir(folder('empty'))
  const executor = await createExecutor({ packagesDir, dataDir: join(options.workDir, 'data') })
  await untilActive(executor, 'bench', '1.0.0')
  return {
    call: (kind, input) => executor.invoke(NAMESPACES[kind], { input }),
    close: () => executor.close(),
  }
}
