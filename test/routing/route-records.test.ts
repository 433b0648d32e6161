import t from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { RouteRecords } from '../../src/routing/route-records.ts'
import type { RouteRecord } from '../../src/store/store.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

const RECORD: RouteRecord = {
  tenant: 'public',
  package: 'p',
  epoch: 7,
  version: '1.0.0',
  digest: 'd',
  previousVersion: null,
  previousDigest: null,
  policy: { mode: 'auto' },
  held: {},
}

function open() {
  const clock = new ManualClock()
  const faults: unknown[] = []
  const disk: RouteRecord[] = []
  const state = { isFull: true }
  const records = new RouteRecords({
    store: {
      async commitRoute(record) {
        if (state.isFull) throw new HeadgateError('STORE_FAILED', { why: 'disk full' })
        disk.push(record)
      },
    },
    clock,
    inTurn: (work) => work(),
    onFault: (error) => void faults.push(error),
  })
  return { clock, faults, disk, state, records }
}

t.test('K1: what could not be written is written at the end, when that is possible', async (t) => {
  const { clock, faults, disk, state, records } = open()
  await records.keep(RECORD)
  t.match(records, { unsaved: 1, failure: { code: 'STORE_FAILED' } })
  state.isFull = false
  await records.close()
  t.same(disk, [RECORD])
  t.match(records, { unsaved: 0, failure: null })
  t.equal(faults.length, 1)
  t.equal(clock.timers, 0)
})

t.test('what cannot be written at the end is told, and not tried again', async (t) => {
  const { clock, faults, disk, state, records } = open()
  await records.keep(RECORD)
  await records.close()
  t.match(faults, [
    { message: /disk full/ },
    { message: /1 route could not be written before the end/ },
  ])
  t.equal(clock.timers, 0)
  state.isFull = false
  clock.advance(60_000)
  t.same(disk, [])
})
