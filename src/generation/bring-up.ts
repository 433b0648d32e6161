/**
 * From an open lane to a thread that serves: hello → load → imported → start → ready.
 *
 * The same for the first thread of a generation, for its further ones, and for a replacement.
 */

import type { Clock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import { type PackageDescriptor, parseDescriptor } from '../domain/descriptor.ts'
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

export interface BringUpOptions {
  readonly hosted: HostedLane
  readonly inbox: HandshakeInbox
  readonly load: LoadMessage
  /** Puts the package's files into the slot, between hello and load. */
  readonly link: () => Promise<void>
  readonly timeoutMs: number
  readonly clock: Clock
  /** Called between import and setup. */
  readonly onImported: (descriptor: PackageDescriptor) => void
  /** false: the lane said hello before (a spare). */
  readonly greet: boolean
}

export interface BringUpTimes {
  readonly loadMs: number
  readonly probeMs: number
}

/** Throws the coded reason for which the version cannot be served. */
export async function bringUp(options: BringUpOptions): Promise<BringUpTimes> {
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
  const receive = async <T extends Handshake['type']>(
    type: T,
  ): Promise<Extract<Handshake, { type: T }>> => {
    const message = await Promise.race([inbox.next(), failed])
    if (message.type === 'refused') throw refusalError(message, load)
    if (message.type !== type) {
      throw new HeadgateError('LOAD_FAILED', { ...identity, why: 'its thread broke the protocol' })
    }
    return message as Extract<Handshake, { type: T }>
  }
  try {
    if (options.greet) hosted.identify((await receive('hello')).threadId)
    const began = clock.monotonic()
    phase = 'import'
    await Promise.race([options.link(), failed])
    hosted.lane.post(load)
    const imported = await receive('imported')
    const descriptor = parseDescriptor(readJson(imported.descriptor), identity)
    const loadedAt = clock.monotonic()
    options.onImported(descriptor)
    phase = 'setup and probe'
    const timeoutsMs = descriptor.workflows.flatMap((workflow) =>
      workflow.tasks.map((task) => task.timeoutMs),
    )
    hosted.lane.post({ type: 'start', timeoutsMs })
    await receive('ready')
    return { loadMs: loadedAt - began, probeMs: clock.monotonic() - loadedAt }
  } finally {
    timer.cancel()
  }
}

/** What is no JSON is refused like any definition of another shape. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
