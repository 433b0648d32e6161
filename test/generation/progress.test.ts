import t from 'tap'
import { Progress } from '../../src/generation/thread/progress.ts'
import { workerMessageSchema } from '../../src/protocol/lane-messages.ts'
import { until } from '../helpers/until.ts'
import { NotedPort } from './thread-parts.ts'

t.test('of many reports the latest of each call is sent', async (t) => {
  const port = new NotedPort()
  const progress = new Progress(port)
  for (let i = 0; i <= 1_000; i++) progress.report(0, 10, i / 1_000, `row ${i}`)
  progress.report(1, 11, 0.5, null)
  t.same(port.messages, [])
  await until(() => port.messages.length >= 2, 'the reports')
  t.same(port.messages, [
    { type: 'progress', slot: 0, id: 10, fraction: 1, note: 'row 1000' },
    { type: 'progress', slot: 1, id: 11, fraction: 0.5, note: null },
  ])
})

t.test('whatever an author reports has the form of a report', async (t) => {
  const port = new NotedPort()
  const progress = new Progress(port)
  const odd: readonly unknown[] = [Number.NaN, Infinity, 'half', undefined, {}, -1, '0.5', 7]
  odd.forEach((value, slot) => progress.report(slot, slot, value, value))
  await until(() => port.messages.length >= odd.length, 'the reports')
  for (const message of port.messages) t.ok(workerMessageSchema.safeParse(message).success)
  const fractions = port.messages.map((one) => (one.type === 'progress' ? one.fraction : null))
  t.same(fractions, [0, 0, 0, 0, 0, -1, 0.5, 7])
})
