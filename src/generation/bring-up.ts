/**
 * From an open lane to a thread that serves: hello → load → imported → start → ready.
 *
 * B1  Nothing of a package is set up before its exports were found equal to its manifest, where it
 *     came with one.
 *
 * The same for the first thread of a generation, for its further ones, and for a replacement.
 */

import type { Clock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import {
  type Declared,
  type DeclaredSchemas,
  requireDeclared,
  schemasSchema,
} from '../domain/declared.ts'
import { type PackageDescriptor, parseDescriptor } from '../domain/descriptor.ts'
import { DEEPEST_JSON, isDeeperThan } from '../domain/nesting.ts'
import { refusalError } from '../hosting/refusal.ts'
import type { LoadMessage, WorkerMessage } from '../protocol/lane-messages.ts'
import type { HostedLane } from './thread-host.ts'

type Handshake = Extract<WorkerMessage, { type: 'hello' | 'imported' | 'ready' | 'refused' }>

/** Gathers the messages of a lane that belong to its start. */
export class HandshakeInbox {
  #queue: Handshake[] = []
  #waiting: ((message: Handshake) => void) | undefined

  put(message: WorkerMessage): boolean {
    switch (message.type) {
      case 'hello':
      case 'imported':
      case 'ready':
      case 'refused':
        if (this.#waiting === undefined) this.#queue.push(message)
        else {
          const take = this.#waiting
          this.#waiting = undefined
          take(message)
        }
        return true
      default:
        return false
    }
  }

  next(): Promise<Handshake> {
    const message = this.#queue.shift()
    if (message !== undefined) return Promise.resolve(message)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }
}

export interface ImportOptions {
  readonly hosted: HostedLane
  readonly inbox: HandshakeInbox
  readonly load: LoadMessage
  /** Puts the package's files into the slot, between hello and load. */
  readonly link: () => Promise<void>
  readonly timeoutMs: number
  readonly clock: Clock
  /** false: the lane said hello before (a spare). */
  readonly greet: boolean
}

export interface BringUpOptions extends ImportOptions {
  /** What its manifest says that the module exports; null: it came without one. */
  readonly declared: Declared | null
  /** Called between import and setup. */
  readonly onImported: (descriptor: PackageDescriptor) => void
}

/** What a thread reports of a module before it sets anything up; not checked yet. */
export interface Imported {
  readonly definition: unknown
  readonly schemas: DeclaredSchemas | null
}

export interface BringUpTimes {
  readonly loadMs: number
  readonly probeMs: number
}

/** Throws the coded reason for which the version cannot be served. */
export async function bringUp(options: BringUpOptions): Promise<BringUpTimes> {
  const { hosted, clock, load, declared } = options
  return handshake(options, async (start) => {
    if (options.greet) await start.greeted()
    const began = clock.monotonic()
    const imported = await start.imported()
    if (declared !== null) requireDeclared(declared, imported, load)
    const descriptor = parseDescriptor(imported.definition, load)
    const loadedAt = clock.monotonic()
    options.onImported(descriptor)
    const timeoutsMs = descriptor.workflows.flatMap((workflow) =>
      workflow.tasks.map((task) => task.timeoutMs),
    )
    start.enter('setup and probe')
    hosted.lane.post({ type: 'start', timeoutsMs })
    await start.receive('ready')
    return { loadMs: loadedAt - began, probeMs: clock.monotonic() - loadedAt }
  })
}

/** Only imports the module: nothing of it is set up. Throws as bringUp() does. */
export function importOnly(options: ImportOptions): Promise<Imported> {
  return handshake(options, async (start) => {
    if (options.greet) await start.greeted()
    return start.imported()
  })
}

interface Start {
  /** Names the phase in the refusal of one that takes too long. */
  enter(phase: string): void
  receive<T extends Handshake['type']>(type: T): Promise<Extract<Handshake, { type: T }>>
  greeted(): Promise<void>
  imported(): Promise<Imported>
}

/** Runs `steps` against a lane; they fail when time is up, or the thread ends or refuses. */
async function handshake<T>(
  options: ImportOptions,
  steps: (start: Start) => Promise<T>,
): Promise<T> {
  const { hosted, inbox, load, clock } = options
  const identity = { package: load.package, version: load.version }
  let phase = 'start'
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {})
  const timer = clock.after(options.timeoutMs, () =>
    reject(new HeadgateError('LOAD_TIMEOUT', { ...identity, timeoutMs: options.timeoutMs, phase })),
  )
  void hosted.ended.then((why) => {
    // A thread that ended before the package's own code began says nothing about the package.
    const code = hosted.lane.importBegun ? 'LOAD_FAILED' : 'LOAD_INTERRUPTED'
    reject(new HeadgateError(code, { ...identity, why: `its thread ended: ${why}` }))
  })
  const receive: Start['receive'] = async <T extends Handshake['type']>(type: T) => {
    const message = await Promise.race([inbox.next(), failed])
    if (message.type === 'refused') throw refusalError(message, load)
    if (message.type !== type) {
      throw new HeadgateError('LOAD_FAILED', { ...identity, why: 'its thread broke the protocol' })
    }
    return message as Extract<Handshake, { type: T }>
  }
  try {
    return await steps({
      enter: (next) => {
        phase = next
      },
      receive,
      greeted: async () => hosted.identify((await receive('hello')).threadId),
      imported: async () => {
        phase = 'import'
        await Promise.race([options.link(), failed])
        hosted.lane.post(load)
        const { descriptor, schemas } = await receive('imported')
        return { definition: readJson(descriptor), schemas: readSchemas(schemas) }
      },
    })
  } finally {
    timer.cancel()
  }
}

/** What is no JSON, or too deep to be worked on, is refused like any definition of another shape. */
function readJson(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return isDeeperThan(json, DEEPEST_JSON) ? text : json
  } catch {
    return text
  }
}

/** null: the thread was not asked for them, or says nothing of their form. */
function readSchemas(text: string | null): DeclaredSchemas | null {
  const parsed = schemasSchema.safeParse(text === null ? null : readJson(text))
  return parsed.success ? parsed.data : null
}
