import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

const MODULE = new URL('../../src/base/thread-environment.ts', import.meta.url).href

const PRINT = `import { Worker } from 'node:worker_threads'
  import { threadEnvironment } from '${MODULE}'
  const env = threadEnvironment()
  const code = "const { getCompileCacheDir } = require('node:module')\\n" +
    "require('node:worker_threads').parentPort.postMessage(getCompileCacheDir() ?? null)"
  const thread = new Worker(code, { eval: true, env, execArgv: [] })
  thread.on('message', (kept) => console.log(JSON.stringify({ env, kept })))`

/** Of a process with `env`: what its threads get, and the folder that they keep compiled code in. */
function said(env: Record<string, string>): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', PRINT], {
    env,
    encoding: 'utf8',
  })
  return stdout === '' ? stderr : JSON.parse(stdout)
}

t.test("headgate's own threads get nothing of the environment", (t) => {
  t.same(said({ SECRET: 's', NODE_OPTIONS: '--no-warnings' }), { env: {}, kept: null })
  t.end()
})

t.test('they keep compiled code where the process keeps it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-compiled-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  t.match(said({ SECRET: 's', NODE_COMPILE_CACHE: folder }), {
    env: { NODE_COMPILE_CACHE: folder, SECRET: undefined },
    kept: folder,
  })
  t.end()
})
