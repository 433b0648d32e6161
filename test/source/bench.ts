/** A reconciler over real files, one pass at a time, for the tests of this folder. */

import { NO_TRUST } from '../../src/domain/signature-policy.ts'
import { ArtifactStore } from '../../src/source/artifact-store.ts'
import { Reconciler } from '../../src/source/reconcile.ts'
import type { ReconcilerOptions } from '../../src/source/reconcile.ts'
import { scanRoot } from '../../src/source/scan.ts'
import type { RefusedDrop, StagedDrop } from '../../src/source/source.ts'
import { versionKey } from '../../src/source/versions.ts'
import { makePlace } from './drops.ts'
import type { Place } from './drops.ts'

export const QUIET_MS = 250
/** Quiet that is enough after a stall, however long that was. */
export const STALLED_MS = 8 * QUIET_MS + 1
export const SETTLE_MS = 5000
export const REMOVE_AFTER_MS = 5000

export interface Bench {
  readonly place: Place
  readonly store: ArtifactStore
  readonly lines: string[]
  readonly staged: StagedDrop[]
  readonly refused: RefusedDrop[]
  /** A full pass; returns the lines it added. */
  pass(): string[]
  advance(ms: number): void
  nextLookInMs(): number | null
  /** Answers what was asked of a provisional version. */
  answer(answer: 'record' | 'withdrawn', drop: StagedDrop | undefined): void
  /** Files read by the store since the last call. */
  reads(): number
}

interface Teardown {
  teardown(fn: () => void): void
}

/** A reconciler over real files whose time is real time plus what a test advances. */
export function bench(t: Teardown, options: Partial<ReconcilerOptions> = {}, place?: Place): Bench {
  const where = place ?? makePlace(t)
  const lines: string[] = []
  const staged: StagedDrop[] = []
  const refused: RefusedDrop[] = []
  let ahead = 0
  let reads = 0
  let nextLookAt: number | null = null
  const moment = (): { now: number; fileNow: number; monotonic: number } => {
    const now = Date.now() + ahead
    return { now, fileNow: now, monotonic: now }
  }
  const store = new ArtifactStore(where.artifactsDir)
  const hasArtifacts = store.open()
  const reconciler = new Reconciler({
    scan: () => scanRoot(where.packagesDir),
    store,
    hasArtifacts,
    quietMs: QUIET_MS,
    settleMs: SETTLE_MS,
    removeAfterMs: REMOVE_AFTER_MS,
    known: new Map(),
    present: [],
    running: { node: process.versions.node, headgate: null },
    trust: NO_TRUST,
    moment,
    reports: {
      staged: (drop) => {
        staged.push(drop)
        lines.push(`staged ${drop.entry} ${drop.package}@${drop.version}`)
      },
      refused: (drop) => {
        refused.push(drop)
        lines.push(`${drop.kind} ${drop.entry} ${drop.error.code}`)
      },
      cleared: (entry) => lines.push(`cleared ${entry}`),
      recorded: (drop) => lines.push(`recorded ${drop.entry} ${drop.package}@${drop.version}`),
      withdraw: (drop) => lines.push(`withdraw ${drop.entry} ${drop.package}@${drop.version}`),
      removed: (drop) => lines.push(`removed ${drop.entry} ${drop.package}@${drop.version}`),
    },
    between: () => void reads++,
    stopped: () => false,
    ...options,
  })
  return {
    place: where,
    store,
    lines,
    staged,
    refused,
    pass() {
      const from = lines.length
      nextLookAt = reconciler.pass(null, new Map()).nextLookAt
      return lines.slice(from)
    },
    advance: (ms) => void (ahead += ms),
    nextLookInMs: () => (nextLookAt === null ? null : nextLookAt - moment().monotonic),
    answer(answer, drop) {
      if (drop !== undefined) reconciler.answered(answer, versionKey(drop), drop.digest)
    },
    reads() {
      const count = reads
      reads = 0
      return count
    },
  }
}
