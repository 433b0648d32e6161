import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, getPriority } from 'node:os'
import t from 'tap'
import {
  helperThreadsFlags,
  limitHelperThreads,
  type Process,
} from '../../src/cli/helper-threads.ts'
import { spawned } from './command.ts'
import { start } from './started.ts'

const MODULE = new URL('../../src/cli/helper-threads.ts', import.meta.url).href

t.test('V8 gets no more helper threads than the machine has further cores', (t) => {
  t.same(helperThreadsFlags(1), ['--v8-pool-size=1'])
  t.same(helperThreadsFlags(2), ['--v8-pool-size=1'])
  t.same(helperThreadsFlags(4), ['--v8-pool-size=3'])
  t.same(helperThreadsFlags(5), [], 'Node has four by itself')
  t.same(helperThreadsFlags(), helperThreadsFlags(availableParallelism()))
  t.end()
})

function begunAnew(cores: number, more: Partial<Process> = {}): unknown[] {
  const calls: unknown[] = []
  limitHelperThreads(
    {
      execPath: '/node',
      execArgv: ['--flag'],
      argv: ['/node', '/headgate.js', 'start', '--port', '0'],
      env: { A: '1' },
      execve: (...args) => calls.push(args),
      ...more,
    },
    cores,
  )
  return calls
}

t.test('a small machine begins the process anew with what it was given', (t) => {
  t.same(begunAnew(2), [
    [
      '/node',
      ['/node', '--flag', '--v8-pool-size=1', '/headgate.js', 'start', '--port', '0'],
      { A: '1' },
    ],
  ])
  t.end()
})

t.test('where it need not, may not or cannot, nothing happens', (t) => {
  t.same(begunAnew(8), [])
  t.same(begunAnew(2, { execArgv: ['--v8-pool-size=4'] }), [], 'somebody chose')
  t.same(begunAnew(2, { execArgv: ['--v8_pool_size', '4'] }), [], 'somebody chose')
  t.same(begunAnew(2, { env: { NODE_OPTIONS: '--v8-pool-size=2' } }), [], 'somebody chose')
  t.same(begunAnew(2, { execArgv: ['--inspect-brk'] }), [], 'a debugger is attached')
  t.same(begunAnew(2, { channel: {} }), [], 'it was forked')
  t.doesNotThrow(() => limitHelperThreads({ execPath: '', execArgv: [], argv: [], env: {} }, 2))
  t.end()
})

/** Prints the nice values of its threads, before and after. */
const LOWER = `import { existsSync, readdirSync, readFileSync } from 'node:fs'
  import { getPriority } from 'node:os'
  import { lowerHelperThreads } from '${MODULE}'
  ${threadsOf.toString()}
  const cores = Number(process.argv.at(-1))
  const before = threadsOf(process.pid)
  lowerHelperThreads(cores)
  console.log(JSON.stringify([before, threadsOf(process.pid)]))`

interface Threads {
  readonly helpers: number[]
  readonly others: number[]
}

/** Nice values of a process's threads. */
function threadsOf(pid: number): Threads {
  const threads: Threads = { helpers: [], others: [] }
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      const name = readFileSync(`/proc/${pid}/task/${tid}/comm`, 'utf8')
      const nice = getPriority(Number(tid))
      threads[name.includes('V8Worker') ? 'helpers' : 'others'].push(nice)
    } catch (error) {
      // It ended in between.
      if (!existsSync(`/proc/${pid}/task/${tid}`)) continue
      throw error
    }
  }
  return threads
}

async function lowered(cores: number): Promise<Threads[]> {
  const node = ['--v8-pool-size=2', '--input-type=module', '-e', LOWER]
  const { stdout } = await spawned([String(cores)], undefined, node)
  return JSON.parse(stdout) as Threads[]
}

const linux = {
  skip: process.platform === 'linux' ? false : 'only Linux has a priority for each thread',
}

t.test(
  'helper threads give way to those that serve, and no other thread does',
  linux,
  async (t) => {
    const [before, after] = await lowered(2)
    t.equal(before?.helpers.length, 2)
    t.same(after, { helpers: before?.helpers.map((nice) => nice + 10), others: before?.others })
    const [untouched, still] = await lowered(8)
    t.same(still, untouched, 'with a core for each nothing is changed')
  },
)

t.test('headgate start lowers them on a small machine', linux, async (t) => {
  const { child } = await start(t, { name: 'sums', tasks: { say: 'return "said"' } })
  const { helpers, others } = threadsOf(child.pid ?? 0)
  const own = Math.max(...others)
  const wanted = availableParallelism() > 4 ? own : own + 10
  t.same(new Set(helpers), new Set([wanted]))
})

t.test('a real process goes on under the same pid, once', async (t) => {
  const script = `import { limitHelperThreads } from '${MODULE}'
    console.log(process.pid, process.execArgv.filter((flag) => flag.startsWith('--v8')).join())
    limitHelperThreads(Object.assign(Object.create(process), { argv: ['', ...process.execArgv.slice(-2)],
      execArgv: process.execArgv.slice(0, -2) }), 2)
    console.log('end')`
  const { stdout, stderr, code } = await spawned([], undefined, [
    '--input-type=module',
    '-e',
    script,
  ])
  t.equal(code, 0, stderr)
  const [first = '', second = '', end] = stdout.trim().split('\n')
  t.match(first, /^\d+ $/)
  t.equal(second, `${first}--v8-pool-size=1`)
  t.equal(end, 'end')
})
