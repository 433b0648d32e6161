import t from 'tap'
import { LoadGate } from '../../src/routing/load-gate.ts'

t.test('so many run at once, the others in the order in which they came', async (t) => {
  const gate = new LoadGate(2)
  const began: number[] = []
  const ends: (() => void)[] = []
  const runs = [0, 1, 2, 3].map((n) =>
    gate.run(() => {
      began.push(n)
      return new Promise<number>((resolve) => {
        ends[n] = () => resolve(n)
      })
    }),
  )
  t.same(began, [0, 1])
  ends[1]?.()
  t.equal(await runs[1], 1)
  t.same(began, [0, 1, 2])
  ends[0]?.()
  await runs[0]
  t.same(began, [0, 1, 2, 3])
  ends[2]?.()
  ends[3]?.()
  t.same(await Promise.all(runs), [0, 1, 2, 3])
})

t.test('what fails makes room as well, and says why', async (t) => {
  const gate = new LoadGate(1)
  const failing = gate.run(() => Promise.reject(new Error('first')))
  const throwing = gate.run(() => {
    throw new Error('second')
  })
  const last = gate.run(() => 'third')
  await t.rejects(failing, { message: 'first' })
  await t.rejects(throwing, { message: 'second' })
  t.equal(await last, 'third')
  t.equal(await gate.run(() => 'fourth'), 'fourth')
})
