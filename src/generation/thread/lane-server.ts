/**
 * One lane as its thread serves it: load → import → setup → calls → teardown, until its port closes.
 *
 * Does not own: what is done once in a thread (entry.ts), how a call runs (runner.ts), what the main
 * thread makes of the messages (bring-up.ts, lane.ts).
 */

import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { messageOf } from '../../base/errors.ts'
import { describe, describeSchemas, loadedTasks } from '../../hosting/definition.ts'
import { probe, setUp } from '../../hosting/prepare.ts'
import { LoadRefusal } from '../../hosting/refusal.ts'
import { isSameDefinition } from '../../protocol/definition-texts.ts'
import { SlotTable } from '../../protocol/lane-layout.ts'
import { DEFINITION_CHARS, TEXT_CHARS } from '../../protocol/lane-limits.ts'
import type { LoadMessage, MainMessage } from '../../protocol/lane-messages.ts'
import type { PackageDefinition } from '../../sdk/definition.ts'
import { type LanePort, lanePort } from './lane-port.ts'
import { importDefinition, installStrippedHook } from './loader.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { Output } from './output.ts'
import { Progress } from './progress.ts'
import { Results } from './results.ts'
import { Runner } from './runner.ts'

/** What a lane is opened with, by the main thread. */
export interface LaneEnds {
  readonly port: MessagePort
  /** Of a SlotTable. */
  readonly slots: SharedArrayBuffer
  /** Wall clock that its begin times count from, ms. */
  readonly timeBase: number
}

/** What a package is loaded as, and what it exports. */
interface Loaded {
  readonly load: LoadMessage
  readonly definition: PackageDefinition
}

export class LaneServer {
  readonly lane: LanePort
  readonly output: Output
  /** Settles when the main thread has closed the port. */
  readonly closed: Promise<void>
  readonly #slots: SlotTable
  readonly #timeBase: number
  readonly #results: Results
  readonly #ended = new AbortController()
  #loaded: Loaded | undefined
  #resources: unknown
  #isSetUp = false
  #settingUp: Promise<void> | undefined
  #outgoing: OutgoingCalls | undefined
  #runner: Runner | undefined

  constructor({ port, slots, timeBase }: LaneEnds) {
    this.lane = lanePort(port)
    this.output = new Output(this.lane)
    this.#slots = new SlotTable(slots)
    this.#timeBase = timeBase
    this.#results = new Results(this.lane, this.#slots)
    this.closed = new Promise((resolve) => port.once('close', resolve))
    port.on('message', (message: MainMessage | unknown[]) => this.#receive(message))
  }

  #receive(message: MainMessage | unknown[]): void {
    if (Array.isArray(message)) {
      this.#runner?.accept(message)
      return
    }
    switch (message.type) {
      case 'load':
        void this.#import(message)
        break
      case 'start':
        this.#settingUp = this.#setUp(message.timeoutsMs)
        break
      case 'abort':
        this.lane.send({ type: 'abortSeen', slot: message.slot, id: message.id })
        this.#runner?.abort(message.slot, message.id, message.reason)
        break
      case 'invokeResult':
        this.#outgoing?.ended(message)
        break
      case 'teardown':
        void this.#tearDown()
        break
    }
  }

  async #import(load: LoadMessage): Promise<void> {
    Object.assign(process.env, load.env)
    const began = performance.now()
    this.#slots.start('import')
    try {
      installStrippedHook(load.slotDir)
      const definition = await importDefinition(join(load.slotDir, load.entry), load.slotDir)
      this.#loaded = { load, definition }
      const descriptor = bounded(JSON.stringify(describe(definition)))
      const schemas = load.schemas ? bounded(JSON.stringify(describeSchemas(definition))) : null
      this.lane.send({ type: 'imported', descriptor, schemas, ms: performance.now() - began })
      const { accepted } = load
      if (accepted !== null && isSameDefinition(accepted, { descriptor, schemas })) {
        this.#settingUp = this.#setUp(accepted.timeoutsMs)
      }
    } catch (error) {
      this.#refuse(error, 'definition')
    }
  }

  async #setUp(timeoutsMs: readonly number[]): Promise<void> {
    if (this.#loaded === undefined) return
    const { load, definition } = this.#loaded
    const { tenant, package: name, version, generation, boot, secrets } = load
    const began = performance.now()
    this.#slots.start('setup')
    const log = this.output.taskLog()
    const identity = { tenant, package: name, version, generation }
    let config: unknown
    try {
      const context = { ...identity, config: load.config, secrets, log, signal: this.#ended.signal }
      ;({ config, resources: this.#resources } = await setUp(definition, context))
      this.#isSetUp = true
      await probe(definition, this.#resources)
    } catch (error) {
      this.#refuse(error, 'setup')
      return
    }
    const { maxPayloadBytes } = load
    const progress = new Progress(this.lane)
    const outgoing = new OutgoingCalls(this.lane, maxPayloadBytes)
    this.#outgoing = outgoing
    this.#runner = new Runner(this.#slots, this.#results, {
      facts: { ...identity, boot, config, secrets, resources: this.#resources, log },
      tasks: loadedTasks(definition),
      timeoutsMs,
      maxResultBytes: maxPayloadBytes,
      surroundings: { progress: progress.report, invoke: outgoing.begin },
      timeBase: this.#timeBase,
    })
    this.lane.send({ type: 'ready', ms: performance.now() - began })
  }

  async #tearDown(): Promise<void> {
    this.#ended.abort(new Error('the generation ends'))
    let error: string | null = null
    try {
      // A setup that took too long has something to give back when it ends after all.
      await this.#settingUp
      if (this.#isSetUp) await this.#loaded?.definition.teardown?.(this.#resources)
    } catch (thrown) {
      error = reason(thrown)
    }
    this.output.end()
    this.lane.send({ type: 'tornDown', error })
  }

  /** What it wrote goes first: it may say more than the reason does. */
  #refuse(error: unknown, otherwise: 'definition' | 'setup'): void {
    const { phase, what } =
      error instanceof LoadRefusal ? error : { phase: otherwise, what: undefined }
    this.output.end()
    this.lane.send({
      type: 'refused',
      phase,
      message: reason(error),
      ...(what === undefined ? {} : { what: what.slice(0, TEXT_CHARS) }),
      ...stackOf(error),
    })
  }
}

function reason(error: unknown): string {
  return messageOf(error).slice(0, TEXT_CHARS)
}

function stackOf(error: unknown): { stack?: string } {
  const cause = error instanceof LoadRefusal ? error.cause : error
  try {
    const stack = (cause as Error).stack
    return typeof stack === 'string' ? { stack: stack.slice(0, TEXT_CHARS) } : {}
  } catch {
    return {}
  }
}

/** Throws LoadRefusal: the main thread takes no longer text. */
function bounded(json: string): string {
  if (json.length <= DEFINITION_CHARS) return json
  const why = `its definition takes ${json.length} characters of JSON, at most ${DEFINITION_CHARS}`
  throw new LoadRefusal('definition', why)
}
