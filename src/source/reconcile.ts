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
 *     with its newer bytes, until it is complete as another version. One that was replaced was gone
 *     for a moment; whether a look fell into that must not matter.
 * R4  a root that cannot be listed changes nothing.
 * R5  a provisional version whose folder has other bytes now is withdrawn before they are reported,
 *     and only by the one who knows that it was never called: pass() asks, answered() is told.
 * R6  an entry that went on changing after it had been quiet for long enough is waited for longer: it
 *     is a copy that stalls, and half of it may look like a version.
 */

import { toHeadgateError } from '../base/errors.ts'
import { doubling } from '../base/doubling.ts'
import type { EngineVersions } from '../domain/package-json.ts'
import type { SignatureTrust } from '../domain/signature-policy.ts'
import type { ArtifactStore } from './artifact-store.ts'
import type { Candidate, Scan } from './scan.ts'
import { quietAfter } from './quiet.ts'
import { lookAt } from './sight.ts'
import type { RefusedDrop, RemovedDrop, StagedDrop } from './source.ts'
import {
  incomplete,
  type LookAgain,
  type RefusedVerdict,
  type Verdict,
  type VersionFacts,
} from './verdict.ts'
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
  recorded(drop: RemovedDrop): void
  /** R5 */
  withdraw(drop: RemovedDrop): void
}

export interface ReconcilerOptions {
  readonly scan: () => Scan
  readonly store: ArtifactStore
  /** Artifacts of an earlier start are there: most drops will be found among them. */
  readonly hasArtifacts: boolean
  readonly quietMs: number
  readonly settleMs: number
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
  /** Its version is provisional until then. */
  | { readonly kind: 'settling'; readonly at: number }

interface EntryRecord {
  readonly entry: string
  readonly form: string
  /** `fileNow` at which this form was first seen. */
  readonly seenAt: number
  /** R6: for so long it must have been quiet. */
  readonly quietMs: number
  readonly detectedAt: number
  readonly next: Next
  /** versionKey of the version that is present through this entry. */
  readonly backs: string | null
  readonly refusal: RefusedDrop | null
}

const SETTLED: Next = { kind: 'settled' }
const AT_ONCE: Next = { kind: 'waiting', at: 0, tries: 0 }

const SOON_MS = 5
const FIRST_BACKOFF_MS = 250
const LONGEST_BACKOFF_MS = 30_000

export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #versions: Versions
  readonly #records = new Map<string, EntryRecord>()
  /** versionKey → the entry whose bytes wait for its withdrawal (R5). */
  readonly #asking = new Map<string, string>()
  #listedOnce = false

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#versions = new Versions(options.known, options.removeAfterMs)
    for (const drop of options.present) {
      this.#versions.back(drop.entry, drop)
      this.#records.set(drop.entry, { ...this.#unseen(drop.entry), backs: versionKey(drop) })
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

  /** R5; returns the entry to be looked at now; null: none. */
  answered(answer: 'record' | 'withdrawn', key: string, digest: string): string | null {
    if (answer === 'record') this.#versions.record(key, digest)
    else if (this.#versions.withdraw(key, digest)) {
      for (const record of this.#records.values()) {
        if (record.backs !== key) continue
        this.#records.set(record.entry, { ...record, backs: null, next: AT_ONCE })
      }
    }
    const entry = this.#asking.get(key)
    const asking = entry === undefined ? undefined : this.#records.get(entry)
    this.#asking.delete(key)
    if (asking === undefined) return null
    this.#records.set(asking.entry, { ...asking, next: AT_ONCE })
    return asking.entry
  }

  #wantsLook(entry: string): boolean {
    const next = this.#records.get(entry)?.next
    if (next === undefined) return true
    return next.kind !== 'settled' && next.at <= this.#options.moment().monotonic
  }

  #look(candidate: Candidate, hintedAt: number | undefined): void {
    const { entry, tenant } = candidate
    const before = this.#records.get(entry) ?? this.#unseen(entry)
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
            quietMs: this.#quietOf(before, moment.fileNow),
            detectedAt: hintedAt ?? moment.now,
            next: AT_ONCE,
          }
    if (record.next.kind === 'settled' || record.next.at > moment.monotonic) return
    if (record.next.kind === 'settling') {
      this.#settle(record)
      return
    }
    // A file time of the future (a stepped clock, another machine's) is not waited for.
    const quietInMs =
      Math.min(sight.newestChangeMs, record.seenAt) + record.quietMs - moment.fileNow
    const settleInMs = quietInMs + this.#options.settleMs
    let verdict: Verdict
    try {
      verdict = sight.examine({
        store: this.#options.store,
        quietInMs,
        quietMs: record.quietMs,
        settleInMs,
        digestOf: (key) => this.#versions.digestOf(key, entry),
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
    if (verdict.kind !== 'staged')
      this.#refuse(this.#stillBacking(record), tenant, this.#whileProvisional(tenant, verdict))
    else if (!this.#asks(record, verdict.facts)) {
      const settlesAt = moment.monotonic + settleInMs
      const next = verdict.facts.provisional === true ? settlingAt(settlesAt) : SETTLED
      this.#complete({ ...record, next }, { ...verdict.facts, landedAt })
    }
  }

  /** R6: of an entry that has changed. */
  #quietOf({ form, seenAt, quietMs }: EntryRecord, fileNow: number): number {
    const { quietMs: usual, settleMs } = this.#options
    return form === '' ? usual : quietAfter(fileNow - seenAt, quietMs, { usual, longest: settleMs })
  }

  #unseen(entry: string): EntryRecord {
    const { quietMs } = this.#options
    const nothing = { form: '', seenAt: 0, detectedAt: 0, backs: null, refusal: null }
    return { entry, ...nothing, quietMs, next: AT_ONCE }
  }

  /** R3 */
  #stillBacking(record: EntryRecord): EntryRecord {
    const went = record.backs === null ? this.#versions.wentWith(record.entry) : null
    if (went === null) return record
    this.#versions.back(record.entry, { ...went, entry: record.entry })
    return { ...record, backs: versionKey(went) }
  }

  /** R5; true: other bytes of the version stand in the way of `facts` for now. */
  #asks(record: EntryRecord, facts: VersionFacts): boolean {
    const key = versionKey(facts)
    const standing = this.#versions.provisional(key)
    if (standing === null || standing.digest === facts.digest) return false
    this.#asking.set(key, record.entry)
    this.#options.reports.withdraw(standing)
    const why = 'its files changed after it was taken in; what was taken in is withdrawn first'
    this.#refuse(record, facts.tenant, incomplete(record.entry, why, 'backoff'))
    return true
  }

  /** What is in conflict with a provisional version may be right in a moment. */
  #whileProvisional(tenant: string, verdict: RefusedVerdict): RefusedVerdict {
    const { package: name, version } = verdict.identity
    if (verdict.error.code !== 'VERSION_CONFLICT') return verdict
    if (name === undefined || version === undefined) return verdict
    const standing = this.#versions.provisional(versionKey({ tenant, package: name, version }))
    return standing === null ? verdict : { ...verdict, lookAgain: 'backoff' }
  }

  #settle(record: EntryRecord): void {
    const standing = record.backs === null ? null : this.#versions.provisional(record.backs)
    this.#records.set(record.entry, { ...record, next: SETTLED })
    if (standing === null) return
    this.#versions.record(versionKey(standing), standing.digest)
    this.#options.reports.recorded(standing)
  }

  #complete(record: EntryRecord, facts: Omit<StagedDrop, 'detectedAt' | 'stagedAt'>): void {
    const { reports, moment } = this.#options
    const drop = { ...facts, detectedAt: record.detectedAt, stagedAt: moment().now }
    const key = versionKey(drop)
    const wasProvisional = this.#versions.provisional(key) !== null
    this.#records.set(record.entry, {
      ...record,
      backs: key,
      refusal: null,
    })
    if (record.backs !== null && record.backs !== key) this.#release(record.entry, record.backs)
    if (record.refusal !== null) reports.cleared(record.entry)
    const news = this.#versions.back(record.entry, drop)
    if (news !== null) reports.staged(news)
    else if (wasProvisional && drop.provisional !== true) reports.recorded(drop)
  }

  #release(entry: string, key: string): void {
    const news = this.#versions.release(entry, key)
    if (news !== null) this.#options.reports.staged(news)
  }

  #refuse(record: EntryRecord, tenant: string, verdict: RefusedVerdict): void {
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
      if (next.kind !== 'settled') earliest = Math.min(earliest, next.at)
    }
    return earliest === Number.POSITIVE_INFINITY ? null : earliest
  }
}

function settlingAt(at: number): Next {
  return { kind: 'settling', at: Math.ceil(at) }
}

function nextLook(last: Next, lookAgain: LookAgain, monotonic: number): Next {
  const tries = last.kind === 'waiting' ? last.tries : 0
  switch (lookAgain) {
    case 'on-change':
      return { kind: 'settled' }
    case 'soon':
      return { kind: 'waiting', at: monotonic + SOON_MS, tries }
    case 'backoff': {
      const wait = doubling(FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS, tries)
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
