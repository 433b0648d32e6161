import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { type Operation, snapshotSchema } from '../../src/store/sqlite/messages.ts'
import { Operations } from '../../src/store/sqlite/operations.ts'
import {
  migrate,
  refuseNewer,
  SCHEMA_VERSION,
  schemaVersion,
} from '../../src/store/sqlite/schema.ts'
import { entry, route } from './records.ts'

function open(t: Test, dataDir: string): Operations {
  const operations = new Operations({ dataDir, boot: 'boot', durability: 'full' })
  t.teardown(() => operations.close())
  return operations
}

const append = (...tenants: string[]): Operation => ({
  op: 'append',
  entries: tenants.map((tenant) => entry({ tenant })),
})

t.test('O2: a failed operation is undone alone, with all it wrote', (t) => {
  const dir = t.testdir()
  const operations = open(t, dir)
  const other = new DatabaseSync(join(dir, 'state.db'))
  for (const table of ['control', 'route']) {
    other.exec(`create trigger planted_${table} before insert on ${table} when new.tenant = 'bad'
      begin select raise(abort, 'planted failure'); end`)
  }
  other.close()
  const outcomes = operations.commit([
    append('one'),
    { op: 'commitRoute', route: { ...route(), tenant: 'bad', held: {} } },
    append('two', 'bad'),
    append('three'),
  ])
  t.same(
    outcomes.map(({ ok }) => ok),
    [true, false, false, true],
  )
  t.match(outcomes[1], { error: { code: 'STORE_FAILED', message: /planted failure/ } })
  t.match(snapshotSchema.parse(operations.snapshot()), { routes: [], lastSeq: 2 })
  t.end()
})

t.test('O3: when the transaction is lost, every operation of the batch fails', (t) => {
  const dir = t.testdir()
  const operations = open(t, dir)
  const other = new DatabaseSync(join(dir, 'state.db'))
  other.exec(`create trigger planted before insert on control when new.tenant = 'bad'
    begin select raise(rollback, 'the disk is gone'); end`)
  other.close()
  const outcomes = operations.commit([
    append('one'),
    append('bad'),
    { op: 'control', query: { since: 0, limit: 9 } },
  ])
  t.equal(outcomes.length, 3)
  for (const outcome of outcomes) {
    t.match(outcome, { ok: false, error: { code: 'STORE_FAILED', message: /the disk is gone/ } })
  }
  t.equal(snapshotSchema.parse(operations.snapshot()).lastSeq, 0)
  t.match(operations.commit([append('one')]), [{ ok: true, value: [{ seq: 1 }] }], 'it goes on')
  t.end()
})

t.test('the file is in WAL mode', (t) => {
  const dir = t.testdir()
  open(t, dir)
  const db = new DatabaseSync(join(dir, 'state.db'))
  t.same({ ...db.prepare('pragma journal_mode').get() }, { journal_mode: 'wal' })
  db.close()
  t.end()
})

t.test('each migration is seen once, and a second open changes nothing', (t) => {
  const db = new DatabaseSync(':memory:')
  t.equal(schemaVersion(db), 0)
  migrate(db)
  t.equal(schemaVersion(db), SCHEMA_VERSION)
  migrate(db)
  t.doesNotThrow(() => refuseNewer(db, '/nowhere'))
  db.exec(`pragma user_version = ${SCHEMA_VERSION + 1}`)
  t.throws(() => refuseNewer(db, '/nowhere'), { code: 'STORE_SCHEMA_NEWER' })
  db.close()
  t.end()
})

t.test('a filtered read uses its index', (t) => {
  const db = new DatabaseSync(':memory:')
  migrate(db)
  const plan = db
    .prepare(
      `explain query plan select seq from control
       where tenant = ? and package = ? and seq > ? order by seq limit 9`,
    )
    .all('a', 'b', 1)
  t.match(plan, [{ detail: /control_by_package \(tenant=\? AND package=\? AND seq>\?\)/ }])
  t.equal(plan.length, 1, 'and does not sort')
  db.close()
  t.end()
})
