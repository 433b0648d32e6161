import t from 'tap'
import { NESTING_LIMIT } from '../../src/domain/call-depth.ts'
import type { Held } from '../../src/generation/held.ts'
import { SlotLevels } from '../../src/generation/slot-levels.ts'
import { type FakeLane, NotedRequest, openFakeLane } from './fake-lane.ts'

t.test('N4: a call that waits for nested ones costs a slot, not concurrency', async (t) => {
  const fake = openFakeLane(t, 1)
  const { lane } = fake
  const requests = [1, 2].map((seq) => new NotedRequest(seq)) as [NotedRequest, NotedRequest]
  const [first] = fake.hand(requests[0])
  fake.begin(first)
  fake.answer(1)
  await fake.taken()
  t.equal(lane.room, 0, 'one runs')
  const nested = [lane.nest(first.slot, first.id), lane.nest(first.slot, first.id)] as const
  t.equal(lane.room, 1, 'it waits')
  const [second] = fake.hand(requests[1])
  fake.begin(second)
  fake.answer(1)
  await fake.taken()
  t.equal(lane.room, 0)
  for (const one of nested) if (one !== undefined) lane.unnest(one)
  t.ok(lane.room < 1, 'both run')
  fake.answer(0, [first, '1'])
  await fake.taken()
  t.equal(lane.room, 0, 'one runs')
  fake.answer(0, [second, '2'])
  await fake.taken()
  t.equal(lane.room, 1)
})

t.test('N4: what waits leaves slots for what is deeper', async (t) => {
  const fake = openFakeLane(t, 1)
  const { lane } = fake
  const depths: number[] = []
  for (;;) {
    const depth = lane.level
    if (depth > NESTING_LIMIT) break
    depths.push(depth)
    const [held] = fake.hand(new NotedRequest(1, 'w::quick', false, depth))
    fake.begin(held)
    fake.answer(1)
    await fake.taken()
    lane.nest(held.slot, held.id)
  }
  t.same(new Set(depths), new Set(Array.from({ length: NESTING_LIMIT + 1 }, (_, at) => at)))
  t.same(
    depths,
    depths.toSorted((a, b) => a - b),
  )
  t.equal(lane.heldCount, new SlotLevels(1).slots, 'not one slot is left over')
})

t.test('only a call that the lane holds, and that is not to end, calls others', async (t) => {
  const fake = openFakeLane(t)
  const { lane } = fake
  const requests = [1, 2].map((seq) => new NotedRequest(seq)) as [NotedRequest, NotedRequest]
  const [first, second] = fake.hand(...requests)
  fake.begin(first)
  fake.begin(second)
  for (const [slot, id] of [
    [first.slot, second.id],
    [-1, first.id],
    [0.5, first.id],
    [1e9, first.id],
    [3, 0],
  ] as const) {
    t.equal(lane.nest(slot, id), undefined, `slot ${slot}, id ${id}`)
  }
  t.equal(lane.nest(first.slot, first.id)?.parent, first.request)
  lane.abort(first, 'enough')
  t.equal(lane.nest(first.slot, first.id), undefined)
})

t.test(
  'nested calls end once with the call that makes them, and are then no longer counted',
  async (t) => {
    const ends = {
      'it was told to end': (fake, held) => fake.lane.abort(held, 'enough'),
      'it has ended': async (fake, held) => {
        fake.answer(1, [held, '1'])
        await fake.taken()
      },
      'it was taken back': (fake) => void fake.lane.revoke(),
      'its thread was lost': (fake) => void fake.lose(),
    } satisfies Record<string, (fake: FakeLane, held: Held) => void | Promise<void>>
    for (const [how, end] of Object.entries(ends)) {
      const fake = openFakeLane(t, 1)
      const [held] = fake.hand(new NotedRequest(1))
      if (how !== 'it was taken back') fake.begin(held)
      const nested = fake.lane.nest(held.slot, held.id)
      t.equal(nested?.signal.aborted, false)
      await end(fake, held)
      await Promise.resolve()
      t.equal(nested?.signal.aborted, true, how)
      if (nested === undefined) continue
      fake.lane.unnest(nested)
      fake.answer(1, ...(how === 'it was told to end' ? ([[held, '1']] as const) : []))
      if (how === 'its thread was lost') continue
      await fake.taken()
      t.equal(fake.lane.room, 1, how)
    }
  },
)
