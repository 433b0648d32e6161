/**
 * Entry of the source thread: joins the loop to the port.
 */

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import { threadDataSchema, toThreadSchema } from './messages.ts'
import { SourceLoop } from './source-loop.ts'
import { watchRoot } from './watch.ts'

const port = parentPort
if (port === null) throw new HeadgateError('INTERNAL', { why: 'source-thread.ts is not a program' })

const loop = new SourceLoop(threadDataSchema.parse(workerData), {
  clock: systemClock,
  fileNow: Date.now,
  post: (message) => port.postMessage(message),
  nextMessage: () => {
    const received = receiveMessageOnPort(port)
    return received === undefined ? undefined : toThreadSchema.parse(received.message)
  },
  watch: watchRoot,
  ended: () => port.close(),
})
port.on('message', (message: unknown) => loop.receive(toThreadSchema.parse(message)))
loop.start()
