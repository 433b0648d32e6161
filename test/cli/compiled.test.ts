import { existsSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SHIM, spawned } from './command.ts'

const KEPT = fileURLToPath(new URL('../../node_modules/.cache/headgate/compiled', import.meta.url))

const SAY_WHERE = `data:text/javascript,import { getCompileCacheDir } from 'node:module';
process.on('exit', () => console.error(getCompileCacheDir()))`

t.test('from TypeScript the command keeps what it compiled in the checkout', async (t) => {
  const { stdout, stderr } = await spawned(['--version'], undefined, ['--import', SAY_WHERE, SHIM])
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
  const where = stderr.trim()
  t.notOk(relative(KEPT, where).startsWith(`..${sep}`), where)
  t.ok(existsSync(where), where)
})
