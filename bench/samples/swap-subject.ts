/** What is swapped: a package in as many versions as wanted, and one call of it. */

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Said } from '../lib/account.ts'
import { packFolder } from '../../src/packaging/pack.ts'
import { writePackage } from '../lib/packages.ts'

export interface Subject {
  readonly package: string
  /** The task that is called. */
  readonly namespace: string
  version(patch: number): string
  /** Writes the version as a folder below `parent`, named `<package>-<version>`. */
  write(parent: string, patch: number): void | Promise<void>
  /** JSON text of the call. */
  body(id: number): string
  /** What the code says of itself in its answer; undefined: nothing. */
  said(json: string): Said | undefined
}

/**
 * The least package that tells who ran: version and count come from its own code, not from what it
 * is told.
 */
export const sayer: Subject = {
  package: 'swapped',
  namespace: 'public::swapped::wf::say',
  version: (patch) => `1.0.${patch}`,
  write(parent, patch) {
    const version = this.version(patch)
    writePackage(parent, {
      name: this.package,
      version,
      source: `import { threadId } from 'node:worker_threads'
import { definePackage, workflow } from 'headgate/sdk'

let run = 0

export default definePackage({
  workflows: [
    workflow('wf').task('say', {
      run: async (_, { input, generation }) => {
        run += 1
        return { id: input.id, version: '${version}', generation, thread: threadId, run }
      },
    }),
  ],
})
`,
    })
  },
  body: (id) => `{"input":{"id":${id}}}`,
  said: (json) => JSON.parse(json) as Said,
}

/** The folder of the real sample package, TypeScript sources and data files. */
export const SAMPLE_DIR: string = fileURLToPath(
  new URL('../../packages-dir/analytics_pipeline-2.1.0', import.meta.url),
)

/** The same with other patch numbers. */
export const sample: Subject = {
  package: 'analytics_pipeline',
  namespace: 'public::analytics_pipeline::analytics_workflow::extract_data',
  version: (patch) => `2.1.${patch}`,
  write(parent, patch) {
    const dir = join(parent, `${this.package}-${this.version(patch)}`)
    cpSync(SAMPLE_DIR, dir, { recursive: true })
    const path = join(dir, 'package.json')
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    writeFileSync(path, JSON.stringify({ ...manifest, version: this.version(patch) }))
  },
  body: () => '{"input":{"limit":1}}',
  said: () => undefined,
}

/** The sample as `headgate pack` makes it: one bundled module, every file listed. */
export const packedSample: Subject = {
  ...sample,
  async write(parent, patch) {
    const aside = join(parent, '.source')
    mkdirSync(aside)
    await sample.write(aside, patch)
    const entry = `${this.package}-${this.version(patch)}`
    await packFolder({ dir: join(aside, entry), to: join(parent, entry) })
    rmSync(aside, { recursive: true })
  },
}
