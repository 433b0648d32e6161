/** Run by watch.test.ts where the system has almost no file watches: prints the modes it sees. */

import { silentLogger } from '../../src/base/logger.ts'
import { createSource } from '../../src/source/thread-source.ts'

const [packagesDir = '', artifactsDir = ''] = process.argv.slice(2)
const source = createSource(
  { packagesDir, artifactsDir, reconcileMs: 30 },
  { logger: silentLogger },
)
const polling = source.events.once('watch', ({ mode }) => mode === 'poll')
await source.start()
const { mode, reason } = await polling
process.stdout.write(`${JSON.stringify({ mode, reason })}\n`)
await source.close()
