/**
 * The tables of the embedded store, and how an older file becomes a current one.
 *
 * Owns: the DDL; `user_version` counts the migrations a file has seen.
 * Does not own: statements on the tables (operations.ts).
 *
 * A migration that was released is never edited: a change is a new entry at the end.
 */

import type { DatabaseSync } from 'node:sqlite'
import { HeadgateError } from '../../base/errors.ts'

/** Entry i brings a file from schema i to schema i + 1. */
const MIGRATIONS: readonly string[] = [
  `
  create table meta (
    key text primary key,
    value text not null
  ) strict, without rowid;

  create table number (
    name text primary key,
    next integer not null
  ) strict, without rowid;

  -- autoincrement: a number is not given again even when retention took the newest rows
  create table control (
    seq integer primary key autoincrement,
    at real not null,
    boot text not null,
    tenant text not null,
    package text not null,
    version text not null,
    digest text not null,
    generation integer not null,
    from_state text,
    to_state text not null,
    reason text not null,
    actor text not null
  ) strict;
  create index control_by_package on control (tenant, package, seq);

  create table route (
    tenant text not null,
    package text not null,
    epoch integer not null,
    version text,
    digest text,
    previous_version text,
    previous_digest text,
    policy text not null check (json_valid(policy)),
    held text not null check (json_valid(held)),
    primary key (tenant, package)
  ) strict, without rowid;

  create table known_version (
    tenant text not null,
    package text not null,
    version text not null,
    digest text not null,
    first_seen_at real not null,
    primary key (tenant, package, version)
  ) strict, without rowid;

  create table receipt (
    epoch integer primary key,
    tenant text not null,
    package text not null,
    body text not null check (json_valid(body))
  ) strict;
  create index receipt_by_package on receipt (tenant, package, epoch);
  `,
]

export const SCHEMA_VERSION = MIGRATIONS.length

/** The schema of an open file; 0 for a new one. */
export function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare('pragma user_version').get()?.['user_version'] ?? 0)
}

/** Throws STORE_SCHEMA_NEWER when a newer headgate wrote the file; reads only. */
export function refuseNewer(db: DatabaseSync, dir: string): void {
  const found = schemaVersion(db)
  if (found > SCHEMA_VERSION) {
    throw new HeadgateError('STORE_SCHEMA_NEWER', { dir, found, known: SCHEMA_VERSION })
  }
}

/** Brings an open file to SCHEMA_VERSION, each step in its own transaction. */
export function migrate(db: DatabaseSync): void {
  const found = schemaVersion(db)
  for (const [index, ddl] of MIGRATIONS.entries()) {
    if (index < found) continue
    db.exec('begin immediate')
    try {
      db.exec(ddl)
      db.exec(`pragma user_version = ${index + 1}`)
      db.exec('commit')
    } catch (fault) {
      if (db.isTransaction) db.exec('rollback')
      throw fault
    }
  }
}
