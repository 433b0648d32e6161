/**
 * The thread in which `headgate run-local` runs a package: the test kit's driver on the real clock.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { HeadgateError, messageOf, toHeadgateError } from '../base/errors.ts'
import { ownModule } from '../base/own-module.ts'
import { importDefinition, installSdkHook } from '../generation/thread/loader.ts'
import { DEFAULT_PAYLOAD_BYTES } from '../hosting/body.ts'
import { StreamCapture } from '../hosting/package-output.ts'
import { codedRefusal } from '../hosting/refusal.ts'
import { type LocalPackage, openLocalPackage } from '../testing/local-package.ts'
import { realClock } from '../testing/paced-clock.ts'
import type { RunEvent } from '../testing/run-events.ts'
import type { FromLocalThread, LocalThreadData, ToLocalThread } from './local-run-messages.ts'

const port = parentPort
if (port === null) {
  throw new HeadgateError('INTERNAL', {
    why: 'local-run-thread.ts is the entry of a worker thread',
  })
}
const data: LocalThreadData = workerData
const send = (message: FromLocalThread): void => port.postMessage(message)
const observe = (event: RunEvent): void => send({ type: 'event', event })

const streams = new StreamCapture((task, level, message) => {
  const at = realClock.now()
  observe({ type: 'log', at, run: null, task, level, message, fields: null })
})
const cancelled = new AbortController()
port.on('message', ({ reason }: ToLocalThread) => cancelled.abort(new Error(reason)))

installSdkHook(ownModule('../sdk/index', import.meta.url).href)
streams.capture()
process.once('exit', () => streams.end())
await run()

async function run(): Promise<void> {
  try {
    const local = await open()
    send({ type: 'ready' })
    const outcome = await local.run(data.workflow, data.task, data.body, cancelled.signal)
    const { status, answer, startedAt, endedAt } = outcome
    const outputs = Object.fromEntries(outcome.outputs)
    const error = outcome.error === null ? null : recordOf(outcome.error)
    streams.end()
    send({ type: 'ended', status, answer, outputs, error, startedAt, endedAt })
    await close(local)
  } catch (error) {
    streams.end()
    send({ type: 'refused', error: recordOf(toHeadgateError(error)) })
  }
}

async function open(): Promise<LocalPackage> {
  const { entry, tenant, package: name, version, config, secrets } = data
  const identity = { tenant, package: name, version, generation: 1 }
  try {
    return await openLocalPackage(await importDefinition(entry), {
      identity,
      boot: 'local',
      config,
      secrets,
      maxPayloadBytes: DEFAULT_PAYLOAD_BYTES,
      clock: realClock,
      random: Math.random,
      observe,
      others: undefined,
    })
  } catch (error) {
    throw codedRefusal(error, identity)
  }
}

async function close(local: LocalPackage): Promise<void> {
  let error: string | null = null
  try {
    await local.close()
  } catch (thrown) {
    error = messageOf(thrown)
  }
  streams.end()
  send({ type: 'closed', error })
}

function recordOf(error: HeadgateError): Extract<FromLocalThread, { type: 'refused' }>['error'] {
  const { code, message, retryable, details } = error
  // What a task attached may be anything that JSON carries; a port would carry more, or refuse it.
  return { code, message, retryable, details: JSON.parse(JSON.stringify(details)) }
}
