/** Appends to a store until it is killed; prints each acknowledged seq. See contract.ts. */

import { writeSync } from 'node:fs'
import { silentLogger } from '../../src/base/logger.ts'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { entry } from './records.ts'

const [dataDir = ''] = process.argv.slice(2)
const store = createSqliteStore({ dataDir, boot: `child-${process.pid}` }, { logger: silentLogger })
await store.open()

/** Several callers at once, so that a commit carries more than one of them. */
const callers = Array.from({ length: 4 }, async () => {
  for (;;) {
    const [written] = await store.append([entry()])
    // Synchronous: a line that was printed has left the process when the next entry is begun.
    writeSync(1, `${written?.seq}\n`)
  }
})
await Promise.all(callers)
