/**
 * What a thread cannot contain (hazards 11, 14, 15, 25): shown in child processes, so that nobody
 * takes worker threads for a sandbox. A supervisor starts the executor again; its data dir is sound.
 *
 * Known and not run here: crashing native addons and V8 flags (they need a grant or kill in the same
 * way), fs.writeSync(1) past the capture, growth of Buffers past resourceLimits, messages between
 * packages by BroadcastChannel and postMessageToThread.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { refuseLeaks } from '../helpers/leaks.ts'
import { openWorkspace } from '../helpers/workspace.ts'

refuseLeaks(t)
const workspace = openWorkspace(t)
workspace.writePackage({
  name: 'deadly',
  headgate: { resourceLimits: { maxOldGenerationSizeMb: 32 } },
  tasks: {
    kill: 'process.kill(process.pid, "SIGKILL")',
    allocate: 'return "x,".repeat(2e7).split(",").length',
    good: 'return "good"',
  },
})

const door = new URL('../../src/index.ts', import.meta.url).href
const SCRIPT = `
  const { createExecutor } = await import(${JSON.stringify(door)})
  const [packagesDir, dataDir, task] = process.argv.slice(1)
  const executor = await createExecutor({ packagesDir, dataDir })
  const answer = await executor.invoke('public::deadly::w::' + task).catch((error) => error.code)
  console.log(JSON.stringify({ answer, again: await executor.invoke('public::deadly::w::good') }))
  await executor.close()
`

interface End {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
}

async function executorThatCalls(task: string): Promise<End> {
  const { packagesDir, dataDir } = workspace
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', SCRIPT, packagesDir, dataDir, task],
    { cwd: workspace.path('empty'), env: {}, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { code, signal, stdout: stdout.trim() }
}

t.test('process.kill ends the executor, and the next one serves', async (t) => {
  t.match(await executorThatCalls('kill'), { code: null, signal: 'SIGKILL', stdout: '' })
  t.same(await executorThatCalls('good'), {
    code: 0,
    signal: null,
    stdout: '{"answer":"good","again":"good"}',
  })
})

t.test('one big allocation may end the executor: resourceLimits cannot catch it', async (t) => {
  const { code, signal, stdout } = await executorThatCalls('allocate')
  t.comment(signal === null ? `contained on this Node: ${stdout}` : `ended by ${signal}`)
  if (signal === null) t.match(stdout, /"again":"good"/)
  else t.equal(signal, 'SIGABRT', `code ${code}`)
  t.equal((await executorThatCalls('good')).code, 0, 'the next one serves')
})
