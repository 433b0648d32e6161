import { availableParallelism } from 'node:os'
import t from 'tap'
import {
  helperThreadsFlags,
  limitHelperThreads,
  type Process,
} from '../../src/cli/helper-threads.ts'
import { spawned } from './command.ts'

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

t.test('a real process goes on under the same pid, once', async (t) => {
  const module = new URL('../../src/cli/helper-threads.ts', import.meta.url).href
  const script = `import { limitHelperThreads } from '${module}'
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
