import t from 'tap'
import { runningTask } from '../../src/hosting/running-task.ts'
import { Output } from '../../src/generation/thread/output.ts'
import type { ThreadLogLine } from '../../src/protocol/lane-messages.ts'
import { until } from '../helpers/until.ts'
import { NotedPort } from './thread-parts.ts'

function open(): {
  output: Output
  port: NotedPort
  sent(): { lines: ThreadLogLine[]; dropped: number }
} {
  const port = new NotedPort()
  return {
    output: new Output(port),
    port,
    sent() {
      const logs = port.messages.filter((message) => message.type === 'log')
      return {
        lines: logs.flatMap(({ lines }) => lines),
        dropped: logs.reduce((sum, { dropped }) => sum + dropped, 0),
      }
    },
  }
}

t.test('lines are sent together after a while, with the task that wrote them', async (t) => {
  const { output, port, sent } = open()
  output.add('info', 'outside')
  runningTask.run('w::a', () => output.add('stdout', 'inside', { n: 1 }))
  t.same(port.messages, [])
  await until(() => port.messages.length > 0, 'the lines')
  t.equal(port.messages.length, 1)
  t.match(sent().lines, [
    { level: 'info', task: null, message: 'outside', at: Number },
    { level: 'stdout', task: 'w::a', message: 'inside', fields: '{"n":1}' },
  ])
})

t.test('over 200 lines in a window the rest is counted, not kept', (t) => {
  const { output, sent } = open()
  for (let i = 0; i < 100_000; i++) output.add('info', `line ${i}`)
  output.flush()
  t.equal(sent().lines.length, 200)
  t.equal(sent().lines[199]?.message, 'line 199')
  t.equal(sent().dropped, 99_800)
  output.add('info', 'again')
  output.flush()
  t.equal(sent().lines.length, 201, 'the next window is open')
  t.end()
})

t.test('long lines and fields are cut', (t) => {
  const { output, sent } = open()
  output.add('info', 'x'.repeat(1e6), { y: 'y'.repeat(1e6) })
  output.flush()
  const [line] = sent().lines
  t.equal(line?.message.length, 4096)
  t.equal(line?.fields?.length, 4096)
  t.end()
})

t.test('fields that are no JSON say so', (t) => {
  const { output, sent } = open()
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  output.taskLog().warn(cycle, 'a cycle')
  output.taskLog().debug({ n: 1n }, 'a bigint')
  output.taskLog().error({})
  output.flush()
  const lines = sent().lines
  t.match(lines[0], { level: 'warn', message: 'a cycle', fields: /unreadable.*circular/ })
  t.match(lines[1], { level: 'debug', fields: /unreadable.*BigInt/ })
  t.match(lines[2], { level: 'error', message: '', fields: '{}' })
  t.end()
})

t.test('the standard streams are captured line by line', async (t) => {
  const { output, sent } = open()
  const real = { stdout: process.stdout.write, stderr: process.stderr.write }
  const { promise, resolve } = Promise.withResolvers<void>()
  try {
    output.capture()
    process.stdout.write('one\ntw')
    process.stdout.write(Buffer.from('o\n'))
    process.stderr.write('err', 'utf8', () => resolve())
    process.stderr.write('or\n', () => {})
    process.stdout.write('z'.repeat(1e6))
    process.stdout.write('\n')
  } finally {
    Object.assign(process.stdout, { write: real.stdout })
    Object.assign(process.stderr, { write: real.stderr })
  }
  await promise
  output.flush()
  const lines = sent().lines.map(({ level, message }) => [level, message])
  t.same(lines.slice(0, 3), [
    ['stdout', 'one'],
    ['stdout', 'two'],
    ['stderr', 'error'],
  ])
  t.equal(lines[3]?.[1]?.length, 4096)
})

t.test('U1: text without a line break is kept to the end, with the task that wrote it', (t) => {
  const { output, sent } = open()
  const real = { stdout: process.stdout.write, stderr: process.stderr.write }
  try {
    output.capture()
    runningTask.run('w::a', () => process.stdout.write('begun\nhalf'))
    process.stderr.write('z'.repeat(1e6))
    output.flush()
    output.end()
    output.end()
  } finally {
    Object.assign(process.stdout, { write: real.stdout })
    Object.assign(process.stderr, { write: real.stderr })
  }
  t.same(
    sent().lines.map(({ level, task, message }) => [level, task, message.slice(0, 9)]),
    [
      ['stdout', 'w::a', 'begun'],
      ['stdout', 'w::a', 'half'],
      ['stderr', null, 'zzzzzzzzz'],
    ],
  )
  t.equal(sent().lines[2]?.message.length, 4096)
  t.end()
})
