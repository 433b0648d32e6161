import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { TypedEmitter } from '../../src/base/events.ts'
import { DropBoard } from '../../src/executor/drop-board.ts'
import type { RefusedDrop, Source, SourceEvents } from '../../src/source/source.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

/** A source that says what the test says. */
function open(): {
  readonly board: DropBoard
  readonly clock: ManualClock
  readonly events: TypedEmitter<SourceEvents>
  readonly looks: () => number
} {
  const events = new TypedEmitter<SourceEvents>()
  let looks = 0
  const source: Source = {
    events,
    start: async () => {},
    reconcile: async () => void looks++,
    link: async () => {},
    close: async () => {},
  }
  return {
    board: new DropBoard(source, () => {}),
    clock: new ManualClock(),
    events,
    looks: () => looks,
  }
}

function refusal(kind: RefusedDrop['kind'], entry = 'a'): RefusedDrop {
  const error = new HeadgateError('DROP_INCOMPLETE', { entry, why: 'it is being copied' })
  return { entry, kind, tenant: 'public', error, since: 0 }
}

t.test('the start does not wait when nothing is incomplete', async (t) => {
  const { board, clock, events, looks } = open()
  events.emit('refused', refusal('rejected'))
  events.emit('refused', refusal('deferred', 'b'))
  await board.quiet(clock)
  t.equal(looks(), 0)
})

t.test('it waits for an incomplete drop, then for the look that stages it', async (t) => {
  const { board, clock, events, looks } = open()
  events.emit('refused', refusal('incomplete'))
  const quiet = board.quiet(clock)
  clock.advance(900)
  events.emit('cleared', { entry: 'a' })
  await quiet
  t.equal(looks(), 1)
  t.same(board.all(), [])
})

t.test('it waits no longer than a second, however often the drop changes', async (t) => {
  const { board, clock, events } = open()
  events.emit('refused', refusal('incomplete'))
  let over = false
  const quiet = board.quiet(clock).then(() => {
    over = true
  })
  for (let ms = 0; ms < 900; ms += 300) {
    clock.advance(300)
    events.emit('refused', refusal('incomplete'))
    await Promise.resolve()
  }
  t.notOk(over)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  clock.advance(100)
  await quiet
  t.equal(board.all().length, 1, 'and it is still said what is missing')
})
