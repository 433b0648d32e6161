import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { Outbox } from '../../src/executor/outbox.ts'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import type { ControlEntry, Store } from '../../src/store/store.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'
import { entry, known, receipt } from '../store/records.ts'

const threadEntry = new URL('../../src/store/sqlite/store-thread.ts', import.meta.url)
/** What an outbox gathers before it writes, ms. */
const GATHER_MS = 5
const full = (): HeadgateError => new HeadgateError('STORE_FAILED', { why: 'the disk is full' })

interface Opened {
  append: Store['append']
  readonly clock: ManualClock
  readonly store: Store
  readonly faults: unknown[]
  readonly committed: ControlEntry[]
  readonly outbox: Outbox
  kill(): void
  /** Generations in the log. */
  log(): Promise<number[]>
}

/** A real store, with a say in what becomes of its appends. */
async function open(t: Test, limit?: number): Promise<Opened> {
  const clock = new ManualClock()
  let worker: Worker | undefined
  const store = createSqliteStore(
    { dataDir: t.testdir(), boot: 'boot', durability: 'os' },
    {
      logger: silentLogger,
      spawn: (options) =>
        (worker = new Worker(threadEntry, { env: {}, execArgv: [], workerData: options })),
    },
  )
  t.teardown(() => store.close())
  const { lastSeq } = await store.open()
  const faults: unknown[] = []
  const committed: ControlEntry[] = []
  const opened: Opened = {
    append: (entries) => store.append(entries),
    clock,
    store,
    faults,
    committed,
    kill: () => void worker?.terminate(),
    log: async () =>
      (await store.control({ since: 0, limit: 1_000 })).map(({ generation }) => generation),
    outbox: new Outbox({
      store: {
        append: (entries) => opened.append(entries),
        control: (query) => store.control(query),
        know: (version) => store.know(version),
        putReceipt: (one) => store.putReceipt(one),
      },
      clock,
      lastSeq,
      onFault: (error) => void faults.push(error),
      onCommitted: (one) => void committed.push(one),
      ...(limit === undefined ? {} : { limit }),
    }),
  }
  return opened
}

const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + i)

t.test('transitions, receipts and digests are written, and told when they are', async (t) => {
  const { outbox, store, committed, log, faults } = await open(t)
  for (const generation of numbers(3)) outbox.append(entry({ generation }))
  outbox.putReceipt(receipt({ epoch: 1 }))
  outbox.putReceipt(receipt({ epoch: 1, drained: 2 }))
  outbox.know(known())
  await outbox.close()
  t.same(await log(), [0, 1, 2])
  t.same(
    committed.map(({ seq }) => seq),
    [1, 2, 3],
  )
  t.match(await store.receipts({ limit: 9 }), [{ epoch: 1, drained: 2 }], 'B2')
  t.same([outbox.size, outbox.failure, faults], [0, null, []])
})

t.test('B4: what a swap says in its milliseconds is written at once', async (t) => {
  const opened = await open(t)
  const { outbox, clock, store, log } = opened
  const { append } = opened
  const batches: number[] = []
  opened.append = (entries) => {
    batches.push(entries.length)
    return append(entries)
  }
  for (const generation of numbers(3)) {
    outbox.append(entry({ generation }))
    outbox.putReceipt(receipt({ epoch: 1, drained: generation }))
    await turn()
    t.same(batches, [], 'nothing is written yet')
    clock.advance(1)
  }
  clock.advance(GATHER_MS)
  await until(() => outbox.size === 0, 'all to be written')
  t.same(batches, [3])
  t.match(await store.receipts({ limit: 9 }), [{ epoch: 1, drained: 2 }])

  outbox.append(entry({ generation: 3 }))
  await outbox.written()
  t.same(await log(), numbers(4), 'whoever reads the log does not wait for more to come')
  t.equal(clock.timers, 0)
})

t.test('what a full disk refused is written when there is room, in order and once', async (t) => {
  const opened = await open(t)
  const { outbox, clock, log, faults, committed, store } = opened
  const { append } = opened
  opened.append = () => Promise.reject(full())
  for (const generation of numbers(3)) outbox.append(entry({ generation }))
  clock.advance(GATHER_MS)
  await until(() => outbox.failure !== null, 'the failure')
  for (const wait of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
    outbox.append(entry({ generation: outbox.size }))
    t.equal(clock.timers, 1)
    clock.advance(wait)
    await until(() => clock.timers === 1, 'the next try')
  }
  t.match(faults, [{ code: 'STORE_FAILED' }], 'it is said once')
  t.equal(outbox.size, 10)
  opened.append = append
  clock.advance(5_000)
  await until(() => outbox.size === 0, 'all to be written')
  t.same(await log(), numbers(10))
  t.equal(committed.length, 10)
  t.equal(outbox.failure, null)
  t.equal(faults.length, 1)
  t.equal((await store.control({ since: 0, limit: 99 })).at(-1)?.seq, 10)
})

t.test('B1: what was committed and not confirmed is not written twice', async (t) => {
  const opened = await open(t)
  const { outbox, clock, log, committed } = opened
  const { append } = opened
  opened.append = async (entries) => {
    opened.append = append
    await append(entries)
    throw full()
  }
  for (const generation of numbers(3)) outbox.append(entry({ generation }))
  clock.advance(GATHER_MS)
  await until(() => outbox.failure !== null, 'the failure')
  outbox.append(entry({ generation: 3 }))
  clock.advance(250)
  await until(() => outbox.size === 0, 'all to be written')
  t.same(await log(), numbers(4))
  t.same(
    committed.map(({ generation }) => generation),
    numbers(4),
  )
})

t.test('a store thread that dies leaves no hole in the log', async (t) => {
  const { outbox, clock, store, log, kill } = await open(t)
  for (const generation of numbers(100)) {
    outbox.append(entry({ generation }))
    clock.advance(GATHER_MS)
    if (generation % 40 === 20) kill()
    await turn()
  }
  outbox.know(known())
  outbox.putReceipt(receipt({ epoch: 7 }))
  await until(() => {
    clock.advance(5_000)
    return outbox.size === 0
  }, 'all to be written')
  t.same(await log(), numbers(100))
  t.match(await store.receipts({ limit: 9 }), [{ epoch: 7 }])
})

t.test('B3: what waits is bounded, and what is left out is said', async (t) => {
  const opened = await open(t, 5)
  const { outbox, clock, log, store, faults } = opened
  const { append } = opened
  opened.append = () => Promise.reject(full())
  outbox.append(entry({ generation: 0 }))
  clock.advance(GATHER_MS)
  await until(() => outbox.failure !== null, 'the failure')
  for (const generation of numbers(9, 1)) outbox.append(entry({ generation }))
  for (const epoch of numbers(8, 1)) outbox.putReceipt(receipt({ epoch }))
  t.equal(outbox.size, 10)
  opened.append = append
  clock.advance(250)
  await until(() => outbox.size === 0, 'all to be written')
  t.same(await log(), numbers(5))
  t.same(
    (await store.receipts({ limit: 9 })).map(({ epoch }) => epoch),
    [8, 7, 6, 5, 4],
  )
  await until(() => faults.length === 2, 'the count')
  t.match(faults[1], { message: /8 records were left out/ })
})

t.test('a record that the store refuses for itself does not hold up the others', async (t) => {
  const { outbox, log, faults } = await open(t)
  outbox.append(entry({ at: Number.NaN }))
  outbox.putReceipt(receipt({ epoch: 0.5 }))
  await outbox.close()
  outbox.append(entry({ generation: 1 }))
  await outbox.close()
  t.same(await log(), [1])
  t.match(faults, [{ code: 'INTERNAL' }, { code: 'INTERNAL' }])
})

t.test('close tries once more, and says what could not be written', async (t) => {
  const opened = await open(t)
  const { outbox, faults, clock } = opened
  opened.append = () => Promise.reject(full())
  outbox.append(entry())
  clock.advance(GATHER_MS)
  await until(() => outbox.failure !== null, 'the failure')
  await outbox.close()
  t.match(faults, [{ code: 'STORE_FAILED' }, { message: /1 records could not be written/ }])
  t.equal(clock.timers, 0)
})
