import { readFile } from 'node:fs/promises'
import t from 'tap'
import { FakeClock } from '../../src/testing/fake-clock.ts'
import { until } from '../helpers/until.ts'

t.test('C2: what waits comes at once, each timer at its own time, in order', async (t) => {
  const clock = new FakeClock(1_000)
  const seen: [string, number][] = []
  const note = (name: string) => () => void seen.push([name, clock.now()])
  clock.after(86_400_000, note('day'))
  clock.after(50, note('first'))
  clock.after(50, note('second'))
  clock.after(20, () => clock.after(10, note('from a timer')))
  clock.after(10, note('never')).cancel()
  await until(() => seen.length === 4, 'all timers')
  t.same(seen, [
    ['from a timer', 1_030],
    ['first', 1_050],
    ['second', 1_050],
    ['day', 86_401_000],
  ])
  t.equal(clock.monotonic(), clock.now())
})

t.test('C1: time that is held stands while something real goes on', async (t) => {
  const clock = new FakeClock(0)
  const [first, second] = [clock.hold(), clock.hold()]
  let rang = false
  clock.after(1, () => (rang = true))
  await readFile(import.meta.filename)
  first()
  first()
  await readFile(import.meta.filename)
  t.equal(rang, false, 'a release counts once')
  t.equal(clock.now(), 0)
  second()
  await until(() => rang, 'the timer')
  t.equal(clock.now(), 1)
})

t.test('C2: what a timer sets off is done before the next', async (t) => {
  const clock = new FakeClock(0)
  const seen: string[] = []
  clock.after(1, () => {
    const release = clock.hold()
    void readFile(import.meta.filename).then(() => {
      seen.push(`read at ${clock.now()}`)
      release()
    })
  })
  clock.after(2, () => seen.push(`second at ${clock.now()}`))
  await until(() => seen.length === 2, 'both')
  t.same(seen, ['read at 1', 'second at 2'])
})

t.test('advance lets time pass although it is held, and no further', async (t) => {
  const clock = new FakeClock(0)
  const release = clock.hold()
  const seen: number[] = []
  const repeat = (): void => {
    seen.push(clock.now())
    if (seen.length < 6) clock.after(10, repeat)
  }
  clock.after(10, repeat)
  await clock.advance(35)
  t.same(seen, [10, 20, 30])
  t.equal(clock.now(), 35)
  await clock.advance(-1)
  t.equal(clock.now(), 35, 'never back')
  release()
  await until(() => seen.length === 6, 'what waits comes by itself again')
})
