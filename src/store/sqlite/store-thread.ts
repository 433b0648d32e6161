/**
 * Entry of the store thread: a shell around operations.ts. One request in, one reply out.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { toHeadgateError } from '../../base/errors.ts'
import { type Reply, requestSchema, snapshotSchema, threadOptionsSchema } from './messages.ts'
import { Operations } from './operations.ts'

const port = parentPort
if (port === null) throw new Error('store-thread.ts is the entry of a worker thread')

const reply = (message: Reply): void => port.postMessage(message)

try {
  const operations = new Operations(threadOptionsSchema.parse(workerData))
  port.on('message', (message: unknown) => {
    const request = requestSchema.parse(message)
    if (request.type === 'batch') {
      reply({ type: 'committed', outcomes: operations.commit(request.operations) })
      return
    }
    operations.close()
    reply({ type: 'closed' })
    port.close()
  })
  reply({ type: 'opened', snapshot: snapshotSchema.parse(operations.snapshot()) })
} catch (fault) {
  reply({ type: 'refused', error: toHeadgateError(fault).toRecord() })
  port.close()
}
