import { once } from 'node:events'
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { silentLogger } from '../../src/base/logger.ts'
import { createSqliteStore, type SqliteStoreParts } from '../../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../../src/store/store.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { until } from '../helpers/until.ts'
import { startAppender, storeContract } from './contract.ts'
import { entry, receipt } from './records.ts'

const appender = new URL('./sqlite-appender.ts', import.meta.url)

function create(dataDir: string, boot = 'boot', parts: Partial<SqliteStoreParts> = {}): Store {
  return createSqliteStore({ dataDir, boot }, { logger: silentLogger, ...parts })
}

const threadEntry = new URL('../../src/store/sqlite/store-thread.ts', import.meta.url)

/** A spawn that keeps hold of the worker it starts. */
function captured(entry: URL = threadEntry): Required<Pick<SqliteStoreParts, 'spawn'>> & {
  readonly worker: () => Worker
} {
  let worker: Worker | undefined
  return {
    spawn(options) {
      worker = new Worker(entry, { env: {}, execArgv: [], workerData: options })
      return worker
    },
    worker() {
      if (worker === undefined) throw new Error('no worker was started')
      return worker
    },
  }
}

t.test('the embedded store fulfils the contract', (t) => {
  storeContract(t, { create, appender })
  t.end()
})

t.test('the faster durability fulfils the same', (t) => {
  const faster = (dataDir: string, boot: string): Store =>
    createSqliteStore({ dataDir, boot, durability: 'os' }, { logger: silentLogger })
  storeContract(t, { create: faster, appender })
  t.end()
})

/** Leaves the WAL as a killed process does; answers the seq that was acknowledged last. */
async function killedStore(dir: string): Promise<number> {
  const child = startAppender(appender, dir)
  let last = 0
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line)
    if (last >= 30) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return last
}

t.test('half a frame at the end of the write-ahead log harms nothing before it', async (t) => {
  const dir = t.testdir()
  const last = await killedStore(dir)
  const wal = join(dir, 'state.db-wal')
  appendFileSync(wal, readFileSync(wal).subarray(32, 2000))
  const store = create(dir)
  t.teardown(() => store.close())
  const { lastSeq } = await store.open()
  t.ok(lastSeq >= last)
  t.equal((await store.append([entry()]))[0]?.seq, lastSeq + 1)
})

t.test('a torn last commit is undone whole and the log goes on without a gap', async (t) => {
  const dir = t.testdir()
  await killedStore(dir)
  const wal = join(dir, 'state.db-wal')
  truncateSync(wal, statSync(wal).size - 100)
  const store = create(dir)
  t.teardown(() => store.close())
  const { lastSeq } = await store.open()
  t.ok(lastSeq > 0)
  await store.append([entry()])
  const log = await store.control({ since: 0, limit: 10_000 })
  t.same(
    log.map(({ seq }) => seq),
    Array.from({ length: lastSeq + 1 }, (_, i) => i + 1),
  )
})

t.test('a call refused by the database rejects with its text, its neighbours commit', async (t) => {
  const dir = t.testdir()
  const first = create(dir)
  await first.open()
  await first.close()
  const db = new DatabaseSync(join(dir, 'state.db'))
  db.exec(`create trigger planted before insert on control when new.tenant = 'bad'
    begin select raise(abort, 'planted failure'); end`)
  db.close()

  const store = create(dir)
  t.teardown(() => store.close())
  await store.open()
  const [before, bad, after] = await Promise.allSettled([
    store.append([entry()]),
    store.append([entry(), entry({ tenant: 'bad' })]),
    store.append([entry()]),
  ])
  t.match(before, { status: 'fulfilled', value: [{ seq: 1 }] })
  t.match(bad, { status: 'rejected', reason: { code: 'STORE_FAILED', message: /planted failure/ } })
  t.match(after, { status: 'fulfilled', value: [{ seq: 2 }] })
})

t.test('a record that no thread can be sent or that is none is refused alone', async (t) => {
  const store = create(t.testdir())
  t.teardown(() => store.close())
  await store.open()
  const unsendable = Object.assign(entry(), { reason: () => 'why' })
  const kept = { ...entry(), reason: 'as called' }
  const calls = [
    store.append([kept]),
    store.append([unsendable]),
    store.append([entry({ generation: 0.5 })]),
    store.append([entry()]),
  ]
  kept.reason = 'edited later'
  const [first, unsent, misshapen, last] = await Promise.allSettled(calls)
  t.match(first, { status: 'fulfilled', value: [{ seq: 1, reason: 'as called' }] })
  const refused = /the store refused append/
  t.match(unsent, { status: 'rejected', reason: { code: 'INTERNAL', message: refused } })
  t.match(misshapen, { status: 'rejected', reason: { code: 'INTERNAL', message: refused } })
  t.match(last, { status: 'fulfilled', value: [{ seq: 2 }] })
})

t.test('calls of one moment share commits', async (t) => {
  const batches: number[] = []
  const spy = captured()
  const store = create(t.testdir(), 'boot', {
    spawn(options) {
      const worker = spy.spawn(options)
      const post = worker.postMessage.bind(worker)
      worker.postMessage = (message: { operations?: readonly unknown[] }) => {
        if (message.operations !== undefined) batches.push(message.operations.length)
        post(message)
      }
      return worker
    },
  })
  t.teardown(() => store.close())
  await store.open()
  const later: Promise<unknown>[] = []
  await Promise.all([
    store.append([entry()]),
    ...Array.from({ length: 9 }, () =>
      store.append([entry()]).then(() => {
        later.push(store.append([entry()]))
      }),
    ),
  ])
  await Promise.all(later)
  t.same(batches, [10, 9])

  batches.length = 0
  await Promise.all(Array.from({ length: 2500 }, () => store.reserve('epoch', 1)))
  t.same(batches, [1000, 1000, 500], 'a batch is bounded')
})

t.test('a store thread that dies rejects what waits and what comes before the next', async (t) => {
  const dir = t.testdir()
  const { spawn, worker } = captured()
  const errors: string[] = []
  const logger = {
    ...silentLogger,
    error: (_: object, message: string) => void errors.push(message),
  }
  const store = create(dir, 'boot', { spawn, logger })
  t.teardown(() => store.close())
  await store.open()
  const calls = Array.from({ length: 20 }, () => store.append([entry()]))
  const settled = Promise.allSettled(calls)
  await worker().terminate()
  for (const result of await settled) {
    t.match(result, { status: 'rejected', reason: { code: 'STORE_FAILED' } })
  }
  t.same(errors, ['the store thread died'])
  await t.rejects(store.append([entry()]), { code: 'STORE_FAILED' })
  const other = create(dir)
  await t.rejects(other.open(), { code: 'DATA_DIR_IN_USE' }, 'the data dir stays locked')
  await store.close()
  await other.open()
  await other.close()
})

t.test('a store thread that died is replaced, later and later while none holds', async (t) => {
  const dir = t.testdir()
  const clock = new ManualClock()
  const good = captured()
  const bad = captured(new URL('data:text/javascript,throw new Error("no thread today")'))
  let spawn = good.spawn
  const store = create(dir, 'boot', { spawn: (options) => spawn(options), clock })
  t.teardown(() => store.close())
  await store.open()
  await store.append([entry()])
  await store.putReceipt(receipt({ epoch: 1 }))
  t.equal(store.fault, null)

  spawn = bad.spawn
  await good.worker().terminate()
  t.match(store.fault, { code: 'STORE_FAILED' })
  for (const wait of [50, 100, 200]) {
    clock.advance(wait - 1)
    t.equal(clock.timers, 1, `not before ${wait} ms`)
    clock.advance(1)
    await until(() => clock.timers === 1, 'its end')
    t.match(store.fault?.message, /no thread today/)
  }

  spawn = good.spawn
  clock.advance(400)
  await until(() => store.fault === null, 'a thread that holds')
  t.match(await store.append([entry()]), [{ seq: 2 }])
  t.match(await store.receipts({ limit: 9 }), [{ epoch: 1, drained: null }])
  t.notOk((await store.receipts({ limit: 9 }))[0]?.cutOff, 'the boot goes on')

  await good.worker().terminate()
  t.equal(clock.timers, 1)
  await store.close()
  t.equal(clock.timers, 0, 'a closed store starts no thread')
})

t.test('a store thread that dies during close lets close end', async (t) => {
  const { spawn, worker } = captured()
  const store = create(t.testdir(), 'boot', { spawn })
  await store.open()
  const call = store.append([entry()])
  const refused = t.rejects(call, { code: 'STORE_FAILED' })
  const closing = store.close()
  await worker().terminate()
  await closing
  await refused
})

t.test('a store thread that sends nonsense is ended, and its store fails', async (t) => {
  const dir = t.testdir({
    'nonsense.mjs': `import { parentPort } from 'node:worker_threads'
      parentPort.postMessage({ type: 'opened', snapshot: { routes: [], known: [], lastSeq: 0 } })
      parentPort.on('message', () => parentPort.postMessage({ type: 'surprise' }))`,
    data: {},
  })
  const { spawn } = captured(new URL(`file://${dir}/nonsense.mjs`))
  const store = create(join(dir, 'data'), 'boot', { spawn })
  t.teardown(() => store.close())
  await store.open()
  await t.rejects(store.append([entry()]), { code: 'STORE_FAILED' })
  await t.rejects(store.putReceipt(receipt()), { code: 'STORE_FAILED' })
})

t.test(
  'a store thread that dies while it opens fails the open and frees the data dir',
  async (t) => {
    const dir = t.testdir({ 'dies.mjs': `throw new Error('no thread today')`, data: {} })
    const { spawn } = captured(new URL(`file://${dir}/dies.mjs`))
    const data = join(dir, 'data')
    const broken = create(data, 'boot', { spawn })
    await t.rejects(broken.open(), { code: 'STORE_FAILED', message: /no thread today/ })
    const store = create(data)
    t.teardown(() => store.close())
    await store.open()
  },
)

t.test('a file of a newer headgate is refused and not touched', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'state.db')
  const db = new DatabaseSync(file)
  db.exec('pragma user_version = 99; create table later (x)')
  db.close()
  const before = readFileSync(file)
  const store = create(dir)
  const refusal = { code: 'STORE_SCHEMA_NEWER', details: { dir, found: 99, known: 1 } }
  await t.rejects(store.open(), refusal)
  await t.rejects(store.open(), refusal, 'and again: a failed open may be repeated')
  await store.close()
  t.ok(before.equals(readFileSync(file)))
})

t.test('a data dir that cannot be used is refused with the reason', async (t) => {
  const dir = t.testdir({ file: 'x', garbage: { 'state.db': 'x'.repeat(5000) } })
  await t.rejects(create(join(dir, 'file')).open(), {
    code: 'DATA_DIR_INVALID',
    details: { why: /./ },
  })
  await t.rejects(create(join(dir, 'garbage')).open(), { code: 'DATA_DIR_INVALID' })
  // Nobody can write below /proc, not even root; where there is none, nobody can create it.
  await t.rejects(create('/proc/headgate').open(), { code: 'DATA_DIR_INVALID' })
  await t.rejects(create('/proc/self').open(), { code: 'DATA_DIR_INVALID' })
})

t.test('a missing data dir is created', async (t) => {
  const store = create(join(t.testdir(), 'a', 'b'))
  t.teardown(() => store.close())
  t.equal((await store.open()).lastSeq, 0)
})

t.test('a stale pid file of a dead process does not lock', async (t) => {
  const dir = t.testdir()
  writeFileSync(join(dir, 'lock.pid'), '1\n')
  const store = create(dir)
  t.teardown(() => store.close())
  await store.open()
  t.equal(readFileSync(join(dir, 'lock.pid'), 'utf8').trim(), String(process.pid))
})
