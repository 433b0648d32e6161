/** What only the outside of the thread can do, on a clock that stands. */

import { join } from 'node:path'
import t from 'tap'
import { type LocalResult, runLocally } from '../../src/cli/local-run.ts'
import type { RunEvent } from '../../src/testing/run-events.ts'
import { refuseLeaks } from '../helpers/leaks.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { entryText, type PackageText, writeFiles } from '../helpers/package-files.ts'
import { until } from '../helpers/until.ts'
import { folder } from './command.ts'

refuseLeaks(t)

interface Running {
  readonly clock: ManualClock
  readonly events: readonly RunEvent[]
  readonly interrupt: AbortController
  readonly result: Promise<LocalResult>
}

function begin(t: Parameters<typeof folder>[0], text: Omit<PackageText, 'name'>): Running {
  const dir = folder(t)
  const entry = entryText({ name: 'p', ...text })
  writeFiles(dir, { 'package.json': '{"type":"module"}', 'index.js': entry })
  const clock = new ManualClock()
  const events: RunEvent[] = []
  const interrupt = new AbortController()
  const result = runLocally({
    data: {
      entry: join(dir, 'index.js'),
      tenant: 'public',
      package: 'p',
      version: '1.0.0',
      config: null,
      secrets: {},
      workflow: 'w',
      task: null,
      body: '',
    },
    env: {},
    observe: (event) => void events.push(event),
    interrupt: interrupt.signal,
    clock,
  })
  return { clock, events, interrupt, result }
}

t.test('a setup that does not end is a LOAD_TIMEOUT', async (t) => {
  const { clock, events, result } = begin(t, {
    also: `setup: ({ log }) => { log.info('here'); return new Promise(() => {}) }`,
    tasks: { a: '' },
  })
  await until(() => events.length === 1, 'the line')
  clock.advance(29_999)
  clock.advance(1)
  await t.rejects(result, { code: 'LOAD_TIMEOUT', details: { timeoutMs: 30_000 } })
  t.equal(clock.timers, 0)
})

t.test('a teardown that does not end is left behind', async (t) => {
  const { clock, events, result } = begin(t, {
    also: 'teardown: () => new Promise(() => {})',
    tasks: { a: 'return 1' },
  })
  await until(() => events.at(-1)?.type === 'ended' && clock.timers === 1, 'the teardown')
  clock.advance(5_000)
  t.match(await result, { status: 'succeeded', answer: '{"a":1}', teardown: /longer than 5000 ms/ })
  t.equal(clock.timers, 0)
})

t.test(
  'L2: code that blocks the thread is ended after an interrupt, or at its deadline',
  async (t) => {
    const tasks = { a: { options: { timeout: '1m' }, run: 'for (;;);' } }
    const [interrupted, late] = [begin(t, { tasks }), begin(t, { tasks })]
    await until(() => interrupted.events.length === 1 && late.events.length === 1, 'both')
    interrupted.interrupt.abort(new Error('enough'))
    interrupted.clock.advance(5_000)
    late.clock.advance(61_000)
    t.match(await interrupted.result, {
      status: 'cancelled',
      error: { code: 'TASK_ABORTED', message: /enough/ },
    })
    t.match(await late.result, {
      status: 'failed',
      error: { code: 'TASK_TIMEOUT' },
      teardown: null,
    })
  },
)
