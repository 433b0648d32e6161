/**
 * Imports a version once, in a throw-away worker thread, to learn what it exports.
 *
 * The thread is one an executor would start: same entry, same limits, and the permissions that the
 * caller grants: all it asks for to one's own package, none to anybody else's. It imports the module
 * and ends; `setup` is not called. Node adds the working directory of the process to what it may read: the command line
 * moves to an empty folder first (cli/empty-folder.ts), so that a package which reads there fails
 * when it is packed and not when it is dropped.
 */

import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { type Declared } from '../domain/declared.ts'
import { isRecord } from '../domain/canonical-json.ts'
import { type PackageDescriptor, parseDescriptor } from '../domain/descriptor.ts'
import type { PackageOptions } from '../domain/package-json.ts'
import { importOnly } from '../generation/bring-up.ts'
import type { ThreadGrants } from '../generation/permissions.ts'
import { openWarmThread } from '../generation/spare-threads.ts'
import { threadCode } from '../generation/thread-code.ts'
import { ThreadHost } from '../generation/thread-host.ts'
import { linkFiles } from '../source/link.ts'

export interface ExtractOptions {
  readonly package: string
  readonly version: string
  readonly options: PackageOptions
  /** What the thread may touch; what the package asks for gives it nothing. */
  readonly grants: ThreadGrants
  /** Absolute path of the folder with the version's files. */
  readonly from: string
  /** Relative to `from`, with forward slashes. */
  readonly files: readonly string[]
  readonly entryFile: string
  /** Absolute path of an empty folder. */
  readonly workDir: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface Extracted extends Declared {
  readonly descriptor: PackageDescriptor
}

/** Throws the refusal that an executor would show, LOAD_TIMEOUT included. */
export async function extract(options: ExtractOptions): Promise<Extracted> {
  const { package: name, version, workDir, entryFile } = options
  options.signal.throwIfAborted()
  const slotDir = join(workDir, 'slot')
  const host = new ThreadHost({
    slotDir,
    code: threadCode(join(workDir, 'thread')),
    threads: 1,
    concurrency: 1,
    resourceLimits: options.options.resourceLimits,
    permissions: 'on',
    grants: options.grants,
    clock: systemClock,
    onAbandoned: () => {},
  })
  const { hosted, inbox } = openWarmThread(host)
  const onAbort = (): void => hosted.kill()
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    const { definition, schemas } = await importOnly({
      hosted,
      inbox,
      load: {
        type: 'load',
        slotDir,
        entry: entryFile,
        tenant: 'public',
        package: name,
        version,
        generation: 0,
        boot: 'pack',
        env: {},
        config: null,
        secrets: {},
        maxPayloadBytes: 0,
        schemas: true,
      },
      link: async () => linkFiles(options.from, options.files, slotDir),
      timeoutMs: options.timeoutMs,
      clock: systemClock,
      greet: true,
    })
    const descriptor = parseDescriptor(definition, { package: name, version })
    return {
      descriptor,
      definition: isRecord(definition) ? { ...definition } : {},
      schemas: schemas ?? { inputs: [], config: null },
    }
  } catch (error) {
    options.signal.throwIfAborted()
    throw error
  } finally {
    options.signal.removeEventListener('abort', onAbort)
    hosted.kill()
    // A thread that was ended before it had the lane's other end does not close it.
    hosted.lane.close()
    await host.destroy()
  }
}
