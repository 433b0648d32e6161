/**
 * The SQL of the embedded store, synchronous; runs on the store thread, or anywhere in a test.
 *
 * Owns: the open database, its prepared statements, one transaction at a time.
 * Does not own: threads and batches' senders (store-thread.ts, sqlite-store.ts), tables (schema.ts).
 *
 * O1  a batch is one transaction; its outcomes are returned only after the commit.
 * O2  each operation has a savepoint: one that fails is undone alone and its neighbours commit.
 * O3  when the transaction itself is lost (disk full, I/O error, failed commit), nothing of the
 *     batch is on disk and every operation of it fails, reads included.
 */

import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { z } from 'zod'
import { type ErrorRecord, HeadgateError, messageOf } from '../../base/errors.ts'
import {
  type Operation,
  type Outcome,
  operationSchema,
  refused,
  type ThreadOptions,
} from './messages.ts'
import { migrate, refuseNewer } from './schema.ts'

/** ms to wait for a foreign process, such as a backup, that holds a lock on the file. */
const BUSY_TIMEOUT = 5000

/** Primary result codes that say the folder or file, not the moment, is at fault. */
const SQLITE_UNUSABLE: ReadonlySet<number> = new Set([
  3, // PERM
  8, // READONLY
  11, // CORRUPT
  14, // CANTOPEN
  26, // NOTADB
])

const SELECT_CONTROL = `select seq, at, boot, tenant, package, version, digest, generation,
  from_state as "from", to_state as "to", reason, actor from control`

type Row = Readonly<Record<string, unknown>>
type Entries = Extract<Operation, { op: 'append' }>['entries']

export class Operations {
  readonly #db: DatabaseSync
  readonly #boot: string
  readonly #statements = new Map<string, StatementSync>()

  /** Opens or creates the store in `dataDir`; DATA_DIR_INVALID, STORE_SCHEMA_NEWER, STORE_FAILED. */
  constructor({ dataDir, boot, durability }: ThreadOptions) {
    let db: DatabaseSync | undefined
    try {
      db = new DatabaseSync(join(dataDir, 'state.db'), { timeout: BUSY_TIMEOUT })
      refuseNewer(db, dataDir)
      db.exec('pragma journal_mode = wal')
      db.exec(`pragma synchronous = ${durability === 'full' ? 'full' : 'normal'}`)
      migrate(db)
      beginBoot(db, boot)
    } catch (fault) {
      if (db?.isOpen === true) db.close()
      throw openError(fault, dataDir)
    }
    this.#db = db
    this.#boot = boot
  }

  /** What the executor restores at boot, in the shape of `snapshotSchema`. */
  snapshot(): Row {
    const routes = this.#all(
      `select tenant, package, epoch, version, digest, previous_version as previousVersion,
         previous_digest as previousDigest, policy, held from route order by tenant, package`,
    ).map((row) => ({
      ...row,
      policy: parseJson(row['policy']),
      held: parseJson(row['held']),
    }))
    const known = this.#all(
      `select tenant, package, version, digest, first_seen_at as firstSeenAt
       from known_version order by tenant, package, version`,
    )
    const last = this.#get('select coalesce(max(seq), 0) as seq from control')
    return { routes, known, lastSeq: last?.['seq'] }
  }

  /**
   * Runs a batch as one transaction (O1 to O3), each in the shape of `operationSchema`. Never throws
   * for what an operation did or is.
   */
  commit(operations: readonly unknown[]): Outcome[] {
    try {
      this.#db.exec('begin immediate')
      const outcomes = operations.map((operation) => this.#attempt(operation))
      this.#db.exec('commit')
      return outcomes
    } catch (fault) {
      if (this.#db.isTransaction) this.#db.exec('rollback')
      const error = failure(fault)
      return operations.map(() => ({ ok: false, error }))
    }
  }

  close(): void {
    this.#db.close()
  }

  #attempt(given: unknown): Outcome {
    const { data: operation, error } = operationSchema.safeParse(given)
    if (operation === undefined) return { ok: false, error: invalid(given, error).toRecord() }
    this.#db.exec('savepoint operation')
    try {
      const value = this.#run(operation)
      this.#db.exec('release operation')
      return { ok: true, value }
    } catch (fault) {
      // SQLite has already rolled the whole transaction back on a full disk or an I/O error (O3).
      if (!this.#db.isTransaction) throw fault
      this.#db.exec('rollback to operation; release operation')
      return { ok: false, error: failure(fault) }
    }
  }

  #run(operation: Operation): unknown {
    switch (operation.op) {
      case 'append':
        return this.#append(operation.entries)
      case 'commitRoute':
        this.#putRoute(operation.route)
        return undefined
      case 'know':
        this.#exec(
          `insert into known_version (tenant, package, version, digest, first_seen_at)
           values (:tenant, :package, :version, :digest, :firstSeenAt)
           on conflict (tenant, package, version) do nothing`,
          operation.version,
        )
        return undefined
      case 'reserve':
        return this.#get(
          `insert into number (name, next) values (:what, 1 + :count)
           on conflict (name) do update set next = next + :count returning next - :count as first`,
          { what: operation.what, count: operation.count },
        )?.['first']
      case 'putReceipt':
        this.#exec(
          `insert into receipt (epoch, tenant, package, body)
           values (:epoch, :tenant, :package, :body)
           on conflict (epoch) do update
           set tenant = excluded.tenant, package = excluded.package, body = excluded.body`,
          {
            epoch: operation.receipt.epoch,
            tenant: operation.receipt.tenant,
            package: operation.receipt.package,
            body: JSON.stringify(operation.receipt),
          },
        )
        return undefined
      case 'receipts': {
        const { before, limit, ...filter } = operation.query
        const where = conditions(filter, before === undefined ? [] : ['epoch < :before'])
        return this.#all(`select body from receipt ${where} order by epoch desc limit :limit`, {
          ...filter,
          ...(before === undefined ? {} : { before }),
          limit,
        }).map((row) => parseJson(row['body']))
      }
      case 'control': {
        const { since, limit, newest = false, ...filter } = operation.query
        const where = conditions(filter, ['seq > :since'])
        const order = newest ? 'seq desc' : 'seq'
        const found = this.#all(`${SELECT_CONTROL} ${where} order by ${order} limit :limit`, {
          ...filter,
          since,
          limit,
        })
        return newest ? found.reverse() : found
      }
      default:
        return operation satisfies never
    }
  }

  #append(entries: Entries): unknown[] {
    return entries.map((entry) => {
      const written = this.#exec(
        `insert into control (at, boot, tenant, package, version, digest, generation,
           from_state, to_state, reason, actor)
         values (:at, :boot, :tenant, :package, :version, :digest, :generation,
           :from, :to, :reason, :actor)`,
        { ...entry, boot: this.#boot },
      )
      return { ...entry, boot: this.#boot, seq: Number(written.lastInsertRowid) }
    })
  }

  #putRoute(route: Extract<Operation, { op: 'commitRoute' }>['route']): void {
    this.#exec(
      `insert into route (tenant, package, epoch, version, digest, previous_version,
         previous_digest, policy, held)
       values (:tenant, :package, :epoch, :version, :digest, :previousVersion,
         :previousDigest, :policy, :held)
       on conflict (tenant, package) do update
       set epoch = excluded.epoch, version = excluded.version, digest = excluded.digest,
         previous_version = excluded.previous_version, previous_digest = excluded.previous_digest,
         policy = excluded.policy, held = excluded.held`,
      { ...route, policy: JSON.stringify(route.policy), held: JSON.stringify(route.held) },
    )
  }

  #exec(sql: string, values: Record<string, SQLInputValue> = {}): ReturnType<StatementSync['run']> {
    return this.#prepare(sql).run(values)
  }

  #get(sql: string, values: Record<string, SQLInputValue> = {}): Row | undefined {
    return this.#prepare(sql).get(values)
  }

  #all(sql: string, values: Record<string, SQLInputValue> = {}): Row[] {
    return this.#prepare(sql).all(values)
  }

  /** The texts are few and fixed, so the cache needs no bound. */
  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

/**
 * Receipts an earlier boot left open are closed as they are: their generations ended with it. A
 * thread that replaces one of the same boot leaves them open.
 */
function beginBoot(db: DatabaseSync, boot: string): void {
  const last = db.prepare(`select value from meta where key = 'last_boot'`).get()?.['value']
  if (last === boot) return
  db.exec('begin immediate')
  db.exec(
    `update receipt set body = json_set(body, '$.cutOff', json('true'))
     where json_extract(body, '$.drained') is null and json_extract(body, '$.cutOff') is null`,
  )
  db.prepare(
    `insert into meta (key, value) values ('last_boot', ?)
     on conflict (key) do update set value = excluded.value`,
  ).run(boot)
  db.exec('commit')
}

/** Only the filters in use stand in the text, so that the index on (tenant, package) serves them. */
function conditions(filter: Row, fixed: readonly string[]): string {
  const all = [...Object.keys(filter).map((column) => `${column} = :${column}`), ...fixed]
  return all.length === 0 ? '' : `where ${all.join(' and ')}`
}

function parseJson(text: unknown): unknown {
  return JSON.parse(String(text))
}

function invalid(given: unknown, error: z.ZodError): HeadgateError {
  const { op } = Object(given) as { readonly op?: unknown }
  return refused(typeof op === 'string' ? op : 'what is no operation', z.prettifyError(error))
}

function failure(fault: unknown): ErrorRecord {
  return new HeadgateError('STORE_FAILED', { why: messageOf(fault) }).toRecord()
}

function openError(fault: unknown, dir: string): HeadgateError {
  if (fault instanceof HeadgateError) return fault
  const errcode = fault instanceof Error && 'errcode' in fault ? Number(fault.errcode) : 0
  const why = messageOf(fault)
  // The low byte is the primary code; Node hands on the extended one.
  return SQLITE_UNUSABLE.has(errcode & 0xff)
    ? new HeadgateError('DATA_DIR_INVALID', { dir, why }, { cause: fault })
    : new HeadgateError('STORE_FAILED', { why }, { cause: fault })
}
