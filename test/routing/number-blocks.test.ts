import t from 'tap'
import { NumberBlocks } from '../../src/routing/number-blocks.ts'
import type { Store } from '../../src/store/store.ts'

/** Reserves as a store does, from `next` on; fails as often as asked. */
function reserving(next: number, failures = 0): { store: Store; calls: () => number } {
  let calls = 0
  const reserve: Store['reserve'] = async (what, count) => {
    calls++
    if (what !== 'epoch') throw new Error(`asked for ${what}`)
    if (failures-- > 0) throw new Error('the disk is full')
    next += count
    return next - count
  }
  return { store: { reserve } as Store, calls: () => calls }
}

t.test('numbers grow one by one over the blocks, whoever asks', async (t) => {
  const { store, calls } = reserving(1000)
  const blocks = new NumberBlocks(store, 'epoch')
  const taken = await Promise.all(Array.from({ length: 200 }, () => blocks.take()))
  t.same(
    taken.toSorted((a, b) => a - b),
    Array.from({ length: 200 }, (_, i) => 1000 + i),
  )
  t.equal(calls(), 4, 'a block at a time')
  t.equal(await blocks.take(), 1200)
})

t.test('a reservation that fails is asked for again by the next who needs one', async (t) => {
  const { store, calls } = reserving(1, 1)
  const blocks = new NumberBlocks(store, 'epoch')
  const first = await Promise.allSettled([blocks.take(), blocks.take()])
  t.same(
    first.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  t.equal(await blocks.take(), 1)
  t.equal(calls(), 2)
})

t.test('N1: while the disk is full there are numbers that were reserved before', async (t) => {
  let next = 1
  let isFull = false
  const reserve: Store['reserve'] = async (_, count) => {
    if (isFull) throw new Error('the disk is full')
    next += count
    return next - count
  }
  const blocks = new NumberBlocks({ reserve }, 'epoch')
  const take = async (count: number): Promise<number | undefined> => {
    let last: number | undefined
    for (let i = 0; i < count; i++) last = await blocks.take()
    return last
  }
  t.equal(await take(31), 31)
  isFull = true
  t.equal(await take(33), 64, 'more than half a block')
  await t.rejects(take(1), { message: 'the disk is full' })
  isFull = false
  t.equal(await take(40), 104)
  isFull = true
  t.equal(await take(64), 168, 'the next block was reserved in time')
})
