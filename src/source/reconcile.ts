/**
 * The truth about packages-dir: list, compare with what was reported, report the difference.
 *
 * Owns: what was last seen of each entry, and when each is looked at again.
 * Does not own: when a pass runs (pacer.ts), what a drop is (sight.ts), identity and removal
 * (versions.ts).
 *
 * R1  every report follows from a comparison of two states, never from an event: a pass that runs
 *     twice reports nothing the second time.
 * R2  an entry whose form is unchanged and whose case is settled is not read again.
 * R3  an entry that backs a version goes on backing it while the entry exists, whatever is wrong
 *     with its newer bytes, until it is complete as another version.
 * R4  a root that cannot be listed changes nothing.
 */

import { toHeadgateError } from '../base/errors.ts'
import type { EngineVersions } from '../domain/package-json.ts'
import type { SignatureTrust } from '../domain/signature-policy.ts'
import type { ArtifactStore } from './artifact-store.ts'
import type { Candidate, Scan } from './scan.ts'
import { lookAt } from './sight.ts'
import type { RefusedDrop, RemovedDrop, StagedDrop } from './source.ts'
import type { LookAgain, Verdict } from './verdict.ts'
import { Versions, versionKey } from './versions.ts'

/** One moment on three scales, all ms. */
export interface Moment {
  /** Wall clock of reports. */
  readonly now: number
  /** Wall clock that ctimes are written by: the system's own, steps included. */
  readonly fileNow: number
  readonly monotonic: number
}

export interface Reports {
  staged(drop: StagedDrop): void
  refused(drop: RefusedDrop): void
  cleared(entry: string): void
  removed(drop: RemovedDrop): void
}

export interface ReconcilerOptions {
  readonly scan: () => Scan
  readonly store: ArtifactStore
  /** Artifacts of an earlier start are there: most drops will be found among them. */
  readonly hasArtifacts: boolean
  readonly quietMs: number
  readonly removeAfterMs: number
  readonly known: ReadonlyMap<string, string>
  /** Versions reported before this thread began. */
  readonly present: readonly StagedDrop[]
  readonly running: EngineVersions
  readonly trust: SignatureTrust
  readonly moment: () => Moment
  readonly reports: Reports
  /** Called between two files or entries: other work of the thread. */
  readonly between: () => void
  /** True: the rest of the pass is dropped. */
  readonly stopped: () => boolean
}

export interface PassResult {
  readonly scan: Scan
  /** Monotonic ms at which an entry wants to be looked at; null: none does. */
  readonly nextLookAt: number | null
}

type Next =
  | { readonly kind: 'settled' }
  | { readonly kind: 'waiting'; readonly at: number; readonly tries: number }

interface EntryRecord {
  readonly entry: string
  readonly form: string
  /** `fileNow` at which this form was first seen. */
  readonly seenAt: number
  readonly detectedAt: number
  readonly next: Next
  /** versionKey of the version that is present through this entry. */
  readonly backs: string | null
  readonly refusal: RefusedDrop | null
}

const SOON_MS = 5
const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 30_000

export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #versions: Versions
  readonly #records = new Map<string, EntryRecord>()
  #listedOnce = false

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#versions = new Versions(options.known, options.removeAfterMs)
    for (const drop of options.present) {
      this.#versions.back(drop.entry, drop)
      this.#records.set(drop.entry, { ...unseen(drop.entry), backs: versionKey(drop) })
    }
  }

  get versions(): Pick<Versions, 'digestOf' | 'present' | 'record'> {
    return this.#versions
  }

  get entries(): number {
    return this.#records.size
  }

  /**
   * One comparison. `only`: entries to look into besides new, gone and due ones; null: all.
   * `hints`: wall clock at which a change of an entry was first hinted at.
   */
  pass(only: ReadonlySet<string> | null, hints: ReadonlyMap<string, number>): PassResult {
    const { between, stopped } = this.#options
    const scan = this.#options.scan()
    if (scan.kind === 'missing') {
      this.#versions.restartAbsences()
      return { scan, nextLookAt: null }
    }
    const listed = new Set<string>()
    for (const candidate of scan.candidates) {
      listed.add(candidate.entry)
      if (only === null || only.has(candidate.entry) || this.#wantsLook(candidate.entry)) {
        this.#look(candidate, hints.get(candidate.entry))
        between()
        if (stopped()) return { scan, nextLookAt: null }
      }
    }
    for (const record of this.#records.values()) {
      if (!listed.has(record.entry) && !isUnknown(record.entry, scan.unreadable)) {
        this.#forget(record)
      }
    }
    this.#listedOnce = true
    const swept = this.#versions.sweep(this.#options.moment().monotonic)
    for (const removed of swept.removed) this.#options.reports.removed(removed)
    return { scan, nextLookAt: this.#earliest(swept.nextAt) }
  }

  #wantsLook(entry: string): boolean {
    const next = this.#records.get(entry)?.next
    if (next === undefined) return true
    return next.kind === 'waiting' && next.at <= this.#options.moment().monotonic
  }

  #look(candidate: Candidate, hintedAt: number | undefined): void {
    const { entry, tenant } = candidate
    const before = this.#records.get(entry) ?? unseen(entry)
    const moment = this.#options.moment()
    const sight = lookAt(candidate)
    if (sight === null) return
    const { form } = sight
    const record =
      form === before.form
        ? before
        : {
            ...before,
            form,
            seenAt: moment.fileNow,
            detectedAt: hintedAt ?? moment.now,
            next: { kind: 'waiting', at: 0, tries: 0 } as const,
          }
    if (record.next.kind === 'settled' || record.next.at > moment.monotonic) return
    let verdict: Verdict
    try {
      verdict = sight.examine({
        store: this.#options.store,
        // A file time of the future (a stepped clock, another machine's) is not waited for.
        quietInMs:
          Math.min(sight.newestChangeMs, record.seenAt) + this.#options.quietMs - moment.fileNow,
        quietMs: this.#options.quietMs,
        digestOf: (key) => this.#versions.digestOf(key),
        noteSource: (version, source) =>
          this.#options.store.noteSource(version.tenant, version.digest, source),
        hashFirst: this.#options.hasArtifacts && !this.#listedOnce,
        running: this.#options.running,
        trust: this.#options.trust,
        between: this.#options.between,
      })
    } catch (fault) {
      // One drop that trips an unforeseen fault must not stop the others.
      const error = toHeadgateError(fault)
      verdict = { kind: 'deferred', error, identity: {}, lookAgain: 'backoff' }
    }
    // What lay there before the first look was not waiting to be noticed.
    const landedAt = this.#listedOnce ? sight.landedMs : null
    if (verdict.kind === 'staged') this.#complete(record, { ...verdict.facts, landedAt })
    else this.#refuse(record, tenant, verdict)
  }

  #complete(record: EntryRecord, facts: Omit<StagedDrop, 'detectedAt' | 'stagedAt'>): void {
    const { reports, moment } = this.#options
    const drop = { ...facts, detectedAt: record.detectedAt, stagedAt: moment().now }
    const key = versionKey(drop)
    this.#records.set(record.entry, {
      ...record,
      next: { kind: 'settled' },
      backs: key,
      refusal: null,
    })
    if (record.backs !== null && record.backs !== key) this.#release(record.entry, record.backs)
    if (record.refusal !== null) reports.cleared(record.entry)
    const news = this.#versions.back(record.entry, drop)
    if (news !== null) reports.staged(news)
  }

  #release(entry: string, key: string): void {
    const news = this.#versions.release(entry, key)
    if (news !== null) this.#options.reports.staged(news)
  }

  #refuse(
    record: EntryRecord,
    tenant: string,
    verdict: Extract<Verdict, { kind: RefusedDrop['kind'] }>,
  ): void {
    const { kind, identity } = verdict
    const { now, monotonic } = this.#options.moment()
    const last = record.refusal
    const error = verdict.error.toRecord()
    const since = last?.kind === kind ? last.since : now
    const again = verdict.lookAgain === 'on-change' ? 'change' : 'retry'
    const refusal = { entry: record.entry, kind, tenant, ...identity, error, since, again } as const
    this.#records.set(record.entry, {
      ...record,
      next: nextLook(record.next, verdict.lookAgain, monotonic),
      refusal,
    })
    const news =
      last?.kind !== kind ||
      last.error.code !== error.code ||
      last.error.message !== error.message ||
      last.digest !== identity.digest
    if (news) this.#options.reports.refused(refusal)
  }

  #forget(record: EntryRecord): void {
    this.#records.delete(record.entry)
    if (record.backs !== null) this.#release(record.entry, record.backs)
    if (record.refusal !== null) this.#options.reports.cleared(record.entry)
  }

  #earliest(nextAt: number | null): number | null {
    let earliest = nextAt ?? Number.POSITIVE_INFINITY
    for (const { next } of this.#records.values()) {
      if (next.kind === 'waiting') earliest = Math.min(earliest, next.at)
    }
    return earliest === Number.POSITIVE_INFINITY ? null : earliest
  }
}

function unseen(entry: string): EntryRecord {
  const next = { kind: 'waiting', at: 0, tries: 0 } as const
  return { entry, form: '', seenAt: 0, detectedAt: 0, next, backs: null, refusal: null }
}

function nextLook(last: Next, lookAgain: LookAgain, monotonic: number): Next {
  const tries = last.kind === 'waiting' ? last.tries : 0
  switch (lookAgain) {
    case 'on-change':
      return { kind: 'settled' }
    case 'soon':
      return { kind: 'waiting', at: monotonic + SOON_MS, tries }
    case 'backoff': {
      const wait = Math.min(FIRST_BACKOFF_MS * 2 ** tries, LONGEST_BACKOFF_MS)
      return { kind: 'waiting', at: monotonic + wait, tries: tries + 1 }
    }
    default:
      return { kind: 'waiting', at: monotonic + Math.ceil(lookAgain), tries }
  }
}

/** Below a tenant folder that exists and cannot be listed. */
function isUnknown(entry: string, unreadable: ReadonlySet<string>): boolean {
  const slash = entry.indexOf('/')
  return slash > 0 && unreadable.has(entry.slice(0, slash + 1))
}
