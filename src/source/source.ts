/**
 * Where versions come from: what the rest of headgate sees of the source thread.
 *
 * Owns: the shapes of what is found in packages-dir.
 * Does not own: which version gets traffic (routing/), how it is loaded (generation/).
 */

import type { ErrorRecord } from '../base/errors.ts'
import type { TypedEmitter } from '../base/events.ts'
import type { Declared } from '../domain/declared.ts'
import type { PackageOptions } from '../domain/package-json.ts'
import type {
  CheckedSignature,
  JudgedSignature,
  SignatureTrust,
} from '../domain/signature-policy.ts'

/** One complete, verified version lying in the artifact store. */
export interface StagedDrop {
  /**
   * Path relative to packages-dir, e.g. `analytics_pipeline-2.2.0` or `@acme/billing`; of a version
   * that was registered, the absolute path it was loaded from.
   */
  readonly entry: string
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly description?: string
  readonly author?: string
  /** Entry module relative to the artifact's top, with forward slashes. */
  readonly entryFile: string
  readonly options: PackageOptions
  /** What its manifest says that the entry module exports; absent: it came without. */
  readonly declared?: Declared
  /** sha-256 of its manifest, which the digest leaves out; null: it came without. */
  readonly manifest: string | null
  /** In the eyes of its tenant. */
  readonly signatures: readonly JudgedSignature[]
  /** What the policy `warn` holds against its signatures; null: nothing. */
  readonly doubt: ErrorRecord | null
  /**
   * A plain folder that may still be growing: its bytes are not on record yet, and it may be removed
   * and staged again with others (`recorded` says when that ends).
   */
  readonly provisional?: true
  /** Absolute path of the read-only copy. */
  readonly artifactDir: string
  readonly files: number
  readonly bytes: number
  /**
   * Wall clock of the file system, ms: the last change of the drop, its being renamed in included;
   * null: it lay there before the source was started, or lies in no folder.
   */
  readonly landedAt: number | null
  /** Wall clock, ms: first hint or scan that saw it, and end of staging. */
  readonly detectedAt: number
  readonly stagedAt: number
}

/** Why a drop is not staged. `rejected` is looked at again only when its bytes change. */
export interface RefusedDrop {
  readonly entry: string
  readonly kind: 'incomplete' | 'deferred' | 'rejected'
  readonly tenant: string
  readonly package?: string
  readonly version?: string
  readonly digest?: string
  readonly error: ErrorRecord
  readonly since: number
  /** `change`: looked at when its bytes change; `retry`: also by itself, later and later. */
  readonly again: 'change' | 'retry'
}

export interface RemovedDrop {
  readonly entry: string
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly digest: string
}

/** A version read from a path of its own: in the artifact store, and nobody's yet. */
export interface LoadedVersion {
  /** The absolute path. */
  readonly entry: string
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly description?: string
  readonly author?: string
  /** Digest of the folder it was packed from, in its own words; null: it does not say. */
  readonly source: string | null
  /** As in StagedDrop. */
  readonly declared?: Declared
  readonly manifest: string | null
  /** Whom they are trusted by is the tenant's that registers it. */
  readonly signatures: readonly CheckedSignature[]
}

/** A loaded version that a tenant is to have. */
export interface Registration {
  readonly tenant: string
  readonly loaded: LoadedVersion
}

/** An archive that is to become a drop. */
export interface Publication {
  /** Absolute path of a file that nothing changes meanwhile. It stays where it is. */
  readonly path: string
  readonly tenant: string
  /** What package.json in it must say. */
  readonly package: string
  readonly version: string
}

export interface Published {
  /** `present`: the same version is there already, and nothing was done. */
  readonly outcome: 'created' | 'present'
  /** Path relative to packages-dir. */
  readonly entry: string
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly files: number
  /** Unpacked. */
  readonly bytes: number
}

export interface WatchStatus {
  /** `degraded`: drops are noticed late, or not at all; `reason` says why. */
  readonly state: 'ok' | 'degraded'
  /** `events`: file events and reconcile; `poll`: reconcile only; `missing`: the root cannot be read. */
  readonly mode: 'events' | 'poll' | 'missing'
  readonly reason?: string
  /** Folders with a file watch of the system. */
  readonly watches: number
  readonly lastReconcileAt: number
  readonly lastReconcileMs: number
  readonly entries: number
}

export interface SourceEvents {
  /**
   * A version is complete in the artifact store; also after a restart for each one still present,
   * and again when what its manifest says is another thing than was said of it.
   */
  staged: StagedDrop
  refused: RefusedDrop
  /** A refused or incomplete entry is refused no longer: staged, or gone. */
  cleared: { readonly entry: string }
  removed: RemovedDrop
  /** From now on other bytes of that version are VERSION_CONFLICT. Before `staged` where it can be. */
  recorded: StagedDrop
  watch: WatchStatus
  /** The source thread itself died; it is started again, and a full reconcile follows. */
  fault: ErrorRecord
}

export interface Source {
  readonly events: TypedEmitter<SourceEvents>
  /** Starts watching; resolves when the first reconcile has been reported. */
  start(): Promise<void>
  /** Looks now; resolves when the pass that began after the call has been reported. */
  reconcile(): Promise<void>
  /**
   * Makes the artifact's files visible below `slotDir` by hard links (copies across file systems),
   * and what `entryFile` imports of its TypeScript as JavaScript.
   */
  link(digest: string, slotDir: string, entryFile: string): Promise<void>
  /**
   * Says for which empty slot link() will most likely be called next: the next version that is
   * staged and fits any thread is put there as it is reported. Whatever comes, link() makes the slot
   * hold what it is called for, and nothing else.
   */
  offer(slotDir: string): void
  /**
   * Puts an archive into packages-dir when an executor would take it as a drop; throws the code it
   * would be refused with, VERSION_CONFLICT, PUBLISH_MISMATCH, PUBLISH_FAILED. The drop is then
   * found like any other.
   */
  publish(publication: Publication): Promise<Published>
  /**
   * Copies the folder or archive at an absolute path into the artifact store; throws the code it
   * would be refused with as a drop, and DROP_INCOMPLETE for what changes meanwhile.
   */
  load(path: string): Promise<LoadedVersion>
  /**
   * Puts the version on record for a tenant: other bytes are VERSION_CONFLICT from then on, in the
   * folder too. It does not count as present there. Throws VERSION_CONFLICT, STORE_FAILED.
   */
  register(registration: Registration): Promise<StagedDrop>
  /**
   * The bytes of a staged version can be called from now on: they are on record, if it was still
   * provisional.
   */
  record(version: Omit<RemovedDrop, 'entry'>): void
  close(): Promise<void>
}

export interface SourceOptions {
  /** Absolute paths. */
  readonly packagesDir: string
  readonly artifactsDir: string
  /** ms between reconciles without events. Default 2000. */
  readonly reconcileMs?: number
  /** ms a plain source folder must be quiet; longer once its copy was seen to stall (quiet.ts). Default 250. */
  readonly quietMs?: number
  /**
   * ms after the quiet time in which a plain folder that grows again is looked at anew, unless its
   * version can be called already. Default 5000.
   */
  readonly settleMs?: number
  /** ms a drop must be absent before it counts as removed (and two reconciles). Default 5000. */
  readonly removeAfterMs?: number
  /** `poll` watches without file events. Default `events`. */
  readonly watch?: 'events' | 'poll'
  /** Digest recorded earlier for `tenant/package@version`: other bytes are VERSION_CONFLICT. */
  readonly known?: ReadonlyMap<string, string>
  /** What the operator wants of signatures. Default: nothing. */
  readonly trust?: SignatureTrust
}
