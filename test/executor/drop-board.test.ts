import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { TypedEmitter } from '../../src/base/events.ts'
import { DropBoard } from '../../src/executor/drop-board.ts'
import type { RefusedDrop, Source, SourceEvents, WatchStatus } from '../../src/source/source.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const WATCH: WatchStatus = {
  state: 'ok',
  mode: 'events',
  watches: 4,
  lastReconcileAt: 1,
  lastReconcileMs: 1,
  entries: 2,
}

function refusal(entry: string, kind: RefusedDrop['kind'] = 'rejected'): RefusedDrop {
  const error = new HeadgateError('PACKAGE_JSON_MISSING', { entry }).toRecord()
  return { entry, kind, tenant: 'public', error, since: 1, again: 'change' }
}

function open() {
  const events = new TypedEmitter<SourceEvents>((fault) => {
    throw fault
  })
  let looks = 0
  const source: Pick<Source, 'events' | 'reconcile'> = {
    events,
    reconcile: async () => void looks++,
  }
  const told: string[] = []
  const board = new DropBoard(source, ({ entry }, standing) => told.push(`${entry} ${standing}`))
  return { board, events, told, clock: new ManualClock(), looks: () => looks }
}

t.test('while the source thread is lost the watch is degraded and says why', (t) => {
  const { board, events } = open()
  t.match(board.watch, { state: 'degraded', reason: 'not looked at yet' })
  events.emit('watch', WATCH)
  t.equal(board.watch.state, 'ok')
  const why = 'the source thread was lost: out of memory'
  events.emit('fault', new HeadgateError('INTERNAL', { why }).toRecord())
  t.match(board.watch, { state: 'degraded', reason: `internal error: ${why}`, entries: 2 })
  events.emit('watch', WATCH)
  t.same(board.watch, WATCH)
  t.end()
})

t.test('refusals stand until they are cleared', (t) => {
  const { board, events, told } = open()
  events.emit('refused', refusal('a'))
  events.emit('refused', refusal('b'))
  events.emit('cleared', { entry: 'a' })
  events.emit('cleared', { entry: 'unknown' })
  t.same(
    board.all().map(({ entry }) => entry),
    ['b'],
  )
  t.same(told, ['a true', 'b true', 'a false'])
  t.end()
})

t.test('the start does not wait when nothing is incomplete', async (t) => {
  const { board, clock, events, looks } = open()
  events.emit('refused', refusal('a'))
  events.emit('refused', refusal('b', 'deferred'))
  await board.quiet(clock)
  t.equal(looks(), 0)
})

t.test('it waits for an incomplete drop, then for the look that stages it', async (t) => {
  const { board, clock, events, looks } = open()
  events.emit('refused', refusal('a', 'incomplete'))
  const quiet = board.quiet(clock)
  clock.advance(900)
  events.emit('cleared', { entry: 'a' })
  await quiet
  t.equal(looks(), 1)
  t.same(board.all(), [])
})

t.test('it waits no longer than a second, however often the drop changes', async (t) => {
  const { board, clock, events } = open()
  events.emit('refused', refusal('a', 'incomplete'))
  let over = false
  const quiet = board.quiet(clock).then(() => {
    over = true
  })
  for (let ms = 0; ms < 900; ms += 300) {
    clock.advance(300)
    events.emit('refused', refusal('a', 'incomplete'))
    await Promise.resolve()
  }
  t.notOk(over)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  clock.advance(100)
  await quiet
  t.equal(board.all().length, 1, 'and it is still said what is missing')
})
