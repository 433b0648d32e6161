import t from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import type { Executor } from '../../src/index.ts'
import {
  SAY,
  type Teardown,
  failure,
  make,
  makePlace,
  makeTasks,
  start,
  until,
  untilActive,
} from './helpers.ts'

interface Line {
  readonly level: string
  readonly task: string | null
  readonly message: string
}

/** An executor whose packages' lines are kept from the start. */
async function listening(t: Teardown): Promise<{
  executor: Executor
  place: ReturnType<typeof makePlace>
  /** Resolves with the line that `message` begins. */
  line(message: string): Promise<Line>
}> {
  const place = makePlace(t)
  const executor = await start(t, place, { keepWarmMs: 0 })
  const lines: Line[] = []
  executor.events.on('log', (line) => void lines.push(line))
  return {
    executor,
    place,
    line: (message) =>
      until(executor, `the line ${message}`, () =>
        lines.find((one) => one.message.startsWith(message)),
      ),
  }
}

const WRITE = (text: string): string => `.task('write', {
  run: () => { process.stdout.write('${text}'); return 1 },
})`

t.test('what a retired version wrote without a last line break is not lost', async (t) => {
  const { executor, place, line } = await listening(t)
  place.drop(makeTasks('p', '1.0.0', WRITE('half a line')))
  await untilActive(executor, 'p', '1.0.0')
  await executor.invoke('public::p::w::write')
  place.drop(makeTasks('p', '1.1.0', SAY))
  t.match(await line('half a line'), { level: 'stdout', task: 'w::write' })
})

t.test('nor what a thread wrote just before it ended itself', async (t) => {
  const { executor, place, line } = await listening(t)
  const dies = `.task('dies', { run: () => {
    console.log('whole line')
    process.stderr.write('last words')
    process.exit(1)
  } })`
  place.drop(makeTasks('p', '1.0.0', dies))
  await untilActive(executor, 'p', '1.0.0')
  t.match(await failure(executor.invoke('public::p::w::dies')), { code: 'WORKER_LOST' })
  t.match(await line('whole line'), { level: 'stdout', task: 'w::dies' })
  t.match(await line('last words'), { level: 'stderr', task: 'w::dies' })
})

t.test('nor what a version wrote before it was refused', async (t) => {
  const { place, line } = await listening(t)
  place.drop(make('p', '1.0.0', `process.stdout.write('reading tables: ')\nthrow new Error('no')`))
  t.match(await line('reading tables: '), { level: 'stdout', task: null })
})

t.test('what a package logs speaks for that package alone', async (t) => {
  const place = makePlace(t)
  const logged: object[] = []
  const info = (fields: object): void => void logged.push(fields)
  const executor = await start(t, place, { logger: { ...silentLogger, info } })
  const forges = `.task('forges', { run: (_, { log }) => {
    log.info({ tenant: 'acme', package: 'bank', task: 'w::pay' }, 'paid')
    return 1
  } })`
  place.drop(makeTasks('p', '1.0.0', forges))
  await untilActive(executor, 'p', '1.0.0')
  const line = executor.events.once('log', ({ message }) => message === 'paid')
  await executor.invoke('public::p::w::forges')
  const fields = { tenant: 'acme', package: 'bank', task: 'w::pay' }
  const own = { tenant: 'public', package: 'p', task: 'w::forges', fields }
  t.match(await line, own)
  t.match(
    logged.find((one) => 'fields' in one),
    own,
  )
})
