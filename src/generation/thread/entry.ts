/**
 * The function piscina runs in a worker thread: serves one lane until its port closes.
 *
 * Thin on purpose: what it does lies in hosting/, loader.ts, runner.ts, results.ts and output.ts.
 */

import { join } from 'node:path'
import { type MessagePort, threadId } from 'node:worker_threads'
import { messageOf } from '../../base/errors.ts'
import type { CallSurroundings } from '../../hosting/context.ts'
import { describe, describeSchemas, loadedTasks } from '../../hosting/definition.ts'
import { probe, setUp } from '../../hosting/prepare.ts'
import { LoadRefusal } from '../../hosting/refusal.ts'
import { isSameDefinition } from '../../protocol/definition-texts.ts'
import { SlotTable } from '../../protocol/lane-layout.ts'
import { DEFINITION_CHARS, TEXT_CHARS } from '../../protocol/lane-limits.ts'
import type { LoadMessage, MainMessage } from '../../protocol/lane-messages.ts'
import type { PackageDefinition } from '../../sdk/definition.ts'
import { lanePort } from './lane-port.ts'
import { importDefinition, installSdkHook, installStrippedHook } from './loader.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { Output } from './output.ts'
import { Progress } from './progress.ts'
import { Results } from './results.ts'
import { Runner } from './runner.ts'
import { warmUp } from './warm-up.ts'

export interface LaneStart {
  readonly port: MessagePort
  readonly slots: SharedArrayBuffer
  readonly timeBase: number
  /** URL of what the package imports as `headgate/sdk`. */
  readonly sdk: string
  /** There is time before a version comes: run warmUp() first. */
  readonly warmUp: boolean
}

export async function serveLane(start: LaneStart): Promise<void> {
  const { port, slots: buffer, timeBase, sdk } = start
  const lane = lanePort(port)
  const output = new Output(lane)
  const slots = new SlotTable(buffer)
  const results = new Results(lane, slots)
  const progress = new Progress(lane)
  const ended = new AbortController()
  const outgoing = new OutgoingCalls(lane)
  let load: LoadMessage | undefined
  let definition: PackageDefinition | undefined
  let resources: unknown
  let isSetUp = false
  let settingUp: Promise<void> | undefined
  let runner: Runner | undefined

  const surroundings: CallSurroundings = {
    progress: (slot, id, fraction, note) => progress.report(slot, id, fraction, note),
    invoke: (...call) => outgoing.begin(...call),
  }

  /** What it wrote goes first: it may say more than the reason does. */
  const refuse = (error: unknown, otherwise: 'definition' | 'setup'): void => {
    const { phase, what } =
      error instanceof LoadRefusal ? error : { phase: otherwise, what: undefined }
    output.end()
    lane.send({
      type: 'refused',
      phase,
      message: reason(error),
      ...(what === undefined ? {} : { what: what.slice(0, TEXT_CHARS) }),
      ...stackOf(error),
    })
  }

  const importEntry = async (message: LoadMessage): Promise<void> => {
    load = message
    Object.assign(process.env, message.env)
    const began = performance.now()
    slots.start('import')
    try {
      installStrippedHook(message.slotDir)
      definition = await importDefinition(join(message.slotDir, message.entry))
      const descriptor = bounded(JSON.stringify(describe(definition)))
      const schemas = message.schemas ? bounded(JSON.stringify(describeSchemas(definition))) : null
      lane.send({ type: 'imported', descriptor, schemas, ms: performance.now() - began })
      const { accepted } = message
      if (accepted !== null && isSameDefinition(accepted, { descriptor, schemas })) {
        settingUp = setUpPackage(accepted.timeoutsMs)
      }
    } catch (error) {
      refuse(error, 'definition')
    }
  }

  const setUpPackage = async (timeoutsMs: readonly number[]): Promise<void> => {
    if (load === undefined || definition === undefined) return
    const { tenant, package: name, version, generation, boot, secrets } = load
    const began = performance.now()
    slots.start('setup')
    const log = output.taskLog()
    const identity = { tenant, package: name, version, generation }
    let config: unknown
    try {
      const context = { ...identity, config: load.config, secrets, log, signal: ended.signal }
      ;({ config, resources } = await setUp(definition, context))
      isSetUp = true
      await probe(definition, resources)
    } catch (error) {
      refuse(error, 'setup')
      return
    }
    runner = new Runner(slots, results, {
      facts: { ...identity, boot, config, secrets, resources, log },
      tasks: loadedTasks(definition),
      timeoutsMs,
      maxResultBytes: load.maxResultBytes,
      surroundings,
      timeBase,
    })
    lane.send({ type: 'ready', ms: performance.now() - began })
  }

  const teardown = async (): Promise<void> => {
    ended.abort(new Error('the generation ends'))
    let error: string | null = null
    try {
      // A setup that took too long has something to give back when it ends after all.
      await settingUp
      if (isSetUp) await definition?.teardown?.(resources)
    } catch (thrown) {
      error = reason(thrown)
    }
    output.end()
    lane.send({ type: 'tornDown', error })
  }

  const closed = new Promise<void>((resolve) => port.once('close', resolve))
  port.on('message', (message: MainMessage | unknown[]) => {
    if (Array.isArray(message)) {
      runner?.accept(message)
      return
    }
    switch (message.type) {
      case 'load':
        void importEntry(message)
        break
      case 'start':
        settingUp = setUpPackage(message.timeoutsMs)
        break
      case 'abort':
        lane.send({ type: 'abortSeen', slot: message.slot, id: message.id })
        runner?.abort(message.slot, message.id, message.reason)
        break
      case 'invokeResult':
        outgoing.ended(message)
        break
      case 'teardown':
        void teardown()
        break
    }
  })
  // Loaded with the thread, so that a package finds it ready.
  installSdkHook(sdk)
  await import(sdk)
  if (start.warmUp) await warmUp()
  output.capture()
  process.once('exit', () => output.end())
  lane.send({ type: 'hello', threadId })
  await closed
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
