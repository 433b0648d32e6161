/**
 * From an open lane to a thread that serves: hello → load → imported → start → ready. A thread that
 * defines what has been accepted before (accepted.ts) does not wait for the start.
 *
 * B1  Nothing of a package is set up before its definition was accepted and, where it came with a
 *     manifest, found equal to that.
 *
 * The same for the first thread of a generation, for its further ones, and for a replacement.
 */

import type { Clock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import {
  type Declared,
  type DeclaredSchemas,
  type Found,
  requireDeclared,
  schemasSchema,
} from '../domain/declared.ts'
import { parseDescriptor } from '../domain/descriptor.ts'
import { DEEPEST_JSON, isDeeperThan } from '../domain/nesting.ts'
import { refusalError } from '../hosting/refusal.ts'
import { type DefinitionTexts, isSameDefinition } from '../protocol/definition-texts.ts'
import type { LoadMessage, WorkerMessage } from '../protocol/lane-messages.ts'
import { type Accepted, acceptedTexts, timeoutsOf } from './accepted.ts'
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
  readonly load: Omit<LoadMessage, 'accepted'>
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
  /** What it will most likely define, and may (B1); null: nothing is known. */
  readonly accepted: Accepted | null
  /** Called when its definition is accepted, before anything of it serves. */
  readonly onImported: (accepted: Accepted) => void
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
    const texts = await start.imported(options.accepted)
    const loadedAt = clock.monotonic()
    const begins = options.accepted !== null && isSameDefinition(options.accepted.texts, texts)
    const accepted = begins ? options.accepted : accept(texts, declared, load)
    options.onImported(accepted)
    start.enter('setup and probe')
    if (!begins) hosted.lane.post({ type: 'start', timeoutsMs: timeoutsOf(accepted.descriptor) })
    await start.receive('ready')
    return { loadMs: loadedAt - began, probeMs: clock.monotonic() - loadedAt }
  })
}

/** Only imports the module: nothing of it is set up. Throws as bringUp() does. */
export function importOnly(options: ImportOptions): Promise<Found> {
  return handshake(options, async (start) => {
    if (options.greet) await start.greeted()
    return read(await start.imported(null))
  })
}

/** Throws the coded reason for which it cannot be. */
function accept(
  texts: DefinitionTexts,
  declared: Declared | null,
  id: { readonly package: string; readonly version: string },
): Accepted {
  const found = read(texts)
  if (declared !== null) requireDeclared(declared, found, id)
  return { texts, found, descriptor: parseDescriptor(found.definition, id) }
}

function read({ descriptor, schemas }: DefinitionTexts): Found {
  return { definition: readJson(descriptor), schemas: readSchemas(schemas) }
}

interface Start {
  /** Names the phase in the refusal of one that takes too long. */
  enter(phase: string): void
  receive<T extends Handshake['type']>(type: T): Promise<Extract<Handshake, { type: T }>>
  greeted(): Promise<void>
  /** Loads the module. */
  imported(accepted: Accepted | null): Promise<DefinitionTexts>
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
    const code = hosted.lane.started === 'nothing' ? 'LOAD_INTERRUPTED' : 'LOAD_FAILED'
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
      imported: async (known) => {
        phase = 'import'
        await Promise.race([options.link(), failed])
        const accepted = known === null ? null : acceptedTexts(known)
        hosted.lane.post({ ...load, accepted })
        const { descriptor, schemas } = await receive('imported')
        return { descriptor, schemas }
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
