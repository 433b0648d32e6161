/** A source as a program, for surroundings that only a process has: prints its events until stdin ends. */

import { silentLogger } from '../../src/base/logger.ts'
import { createSource } from '../../src/source/thread-source.ts'

const [packagesDir = '', artifactsDir = ''] = process.argv.slice(2)
const source = createSource(
  { packagesDir, artifactsDir, reconcileMs: 30 },
  { logger: silentLogger },
)
const print = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`)
source.events.on('watch', ({ state, mode, reason, watches }) => {
  print({ state, mode, reason, watches })
})
source.events.on('staged', ({ entry }) => print({ staged: entry }))
source.events.on('refused', ({ entry, kind, error }) => {
  print({ refused: entry, kind, message: error.message })
})
await source.start()
process.stdin.resume().once('end', () => void source.close())
