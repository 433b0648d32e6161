/**
 * What an executor offers: to the library's user, and to the server above it.
 */

import type { ErrorRecord } from '../base/errors.ts'
import type { TypedEmitter } from '../base/events.ts'
import type { Logger } from '../base/logger.ts'
import type { RegistryValue } from '../domain/route.ts'
import type { ExecutorRow, PackageRow } from '../protocol/status.ts'
import type { Published } from '../source/source.ts'
import type { SignatureOptions } from '../source/trusted-keys.ts'
import type { ControlEntry, SwapReceipt } from '../store/store.ts'

export interface ExecutorOptions {
  /** Folder that is watched. Resolved against the working directory. */
  readonly packagesDir: string
  /** State: store, artifacts, slots. Created when missing. */
  readonly dataDir: string
  /**
   * `on` (default): worker threads run under Node's permission model and the working directory must
   * be an empty folder (CWD_EXPOSED). `off`: they may read and write what the process may.
   */
  readonly permissions?: 'on' | 'off'
  /** Operator's values and grants per tenant and package. */
  readonly tenants?: Readonly<Record<string, TenantOptions>>
  /**
   * Whose signatures a version needs (`headgate pack --sign`). `policy`: `off` (default) asks for
   * none; `warn` loads what no trusted key has signed and says so; `require` refuses it
   * (SIGNATURE_MISSING, SIGNATURE_UNTRUSTED). A signature that does not fit its version is refused by
   * both (SIGNATURE_INVALID). `keys`: public keys by tenant, `*` for all, each as PEM text or as a
   * path to it. Read once: a changed list counts from the next start.
   */
  readonly signatures?: SignatureOptions
  /**
   * `full` (default): what was acknowledged survives a power cut. `os`: it survives the end of the
   * process, and commits are faster; a power cut may lose the last of them.
   */
  readonly durability?: 'full' | 'os'
  /** Keep one pre-started worker thread for the next version. Default true. */
  readonly spare?: boolean
  /** ms a drained generation stays warm. Default 60_000. A package may set its own. */
  readonly keepWarmMs?: number
  /**
   * ms after which a version that has the traffic but no calls gives its threads up (it is then cold),
   * at a look up to a quarter of it later; the next call starts them again, some 30 ms later.
   * Default 600_000.
   */
  readonly coldAfterMs?: number
  /**
   * Worker threads of all versions together, as a goal: beyond it idle versions turn cold, the one
   * idle longest first, when threads are added and at looks a quarter of `coldAfterMs` apart.
   * Default 64.
   */
  readonly maxThreads?: number
  /** ms between full looks at packagesDir. Default 2000. */
  readonly reconcileMs?: number
  /**
   * ms a source folder, or an archive without a manifest, must lie unchanged before it is taken.
   * Default 250. A packed version is taken as soon as it is whole.
   */
  readonly quietMs?: number
  /** ms a drop must be gone before it counts as removed. Default 5000. */
  readonly removeAfterMs?: number
  /** Bytes of one input or one result. Default 8 MiB. */
  readonly maxPayloadBytes?: number
  /** Requests of one package that may wait. Default 10_000; over it QUEUE_FULL. */
  readonly maxWaiting?: number
  /** ms from spawn to ready for a version. Default 30_000. */
  readonly loadTimeoutMs?: number
  readonly logger?: Logger
}

export interface TenantOptions {
  readonly packages?: Readonly<Record<string, PackageOperatorOptions>>
}

export interface PackageOperatorOptions {
  readonly config?: unknown
  readonly secrets?: Readonly<Record<string, string>>
  readonly permissions?: {
    readonly net?: boolean
    readonly read?: readonly string[]
    readonly write?: readonly string[]
    readonly env?: readonly string[]
  }
}

export interface InvokeOptions {
  /** Exact version or semver range; default: the active version. */
  readonly version?: string
  /** Generation number; wins over `version`. */
  readonly generation?: number
  readonly signal?: AbortSignal
}

/** A result as JSON text, with what it ran on. */
export interface InvokeAnswer {
  readonly json: string
  readonly version: string
  readonly generation: number
  /** Epoch of the registry in which the request was bound. */
  readonly epoch: number
}

export interface ExecutorEvents {
  /** A generation changed its state; committed to the control log. */
  control: ControlEntry
  /** A receipt was written or completed (same epoch). */
  receipt: SwapReceipt
  /** Something in this package's row changed. Not emitted per task. */
  package: { readonly tenant: string; readonly package: string }
  /** A line a package wrote. */
  log: PackageLogLine
  state: ExecutorRow['state']
  /** A fault of the executor itself; it goes on. */
  fault: ErrorRecord
}

export interface PackageLogLine {
  readonly at: number
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'stdout' | 'stderr'
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly generation: number
  /** `workflow::task`, or null outside a task. */
  readonly task: string | null
  readonly message: string
  readonly fields?: Readonly<Record<string, unknown>>
}

/** An operator's wish to route to a version that is in the folder. */
export interface Promotion {
  readonly tenant: string
  readonly package: string
  /** Exact version. An older one holds the eligible newer ones, over restarts too. */
  readonly version: string
  /** For the control log, and what the versions are held for. Default `1.2.0 was promoted by hand`. */
  readonly reason?: string
  /** For the control log. Default `library`. */
  readonly actor?: string
}

/** A packed version that is to be put into packages-dir. */
export interface Publication {
  readonly tenant: string
  /** What package.json in the archive must say. */
  readonly package: string
  readonly version: string
  /** The bytes of a .tgz, in parts. */
  readonly archive: AsyncIterable<Uint8Array>
  /** Of all parts, hexadecimal: other bytes are DIGEST_MISMATCH. Default: not compared. */
  readonly sha256?: string
  /** More is PAYLOAD_TOO_LARGE. Default: as much as a version may have unpacked, 256 MiB. */
  readonly maxBytes?: number
}

/** What a package says of itself, and what its bytes say. */
export interface PackageMetadata {
  readonly package: string
  readonly version: string
  readonly description: string | null
  /** Name, with the e-mail address when given. */
  readonly author: string | null
  /** Digest of its files, hexadecimal: equal only for equal bytes, however they are packed. */
  readonly fingerprint: string
}

/** A package that was loaded from a path: fixed bytes, which any tenant can have. */
export interface WorkflowPackage {
  readonly metadata: PackageMetadata
  /**
   * Takes the version in for a tenant beside those in packagesDir. Resolves with the namespaces of
   * its tasks (`tenant::package::workflow::task`, in declared order) when it is loaded and probed,
   * and has the traffic if it is the version that the package's policy wants (default: the highest);
   * else it can be called by its version. Again with the same bytes it changes nothing.
   *
   * `workflow`: of a package with one workflow, an id under which the tenant can call it too, a
   * workflow's own name coming first; with several it has to be the name of one.
   *
   * Not kept over restarts of the executor: neither the version nor the other id. What is on record
   * is that the version has these bytes.
   *
   * Throws NAME_INVALID, UNKNOWN_WORKFLOW, VERSION_CONFLICT (the tenant knows the version with other
   * bytes), SIGNATURE_… (the policy is the tenant's), EXECUTOR_CLOSING, GENERATION_LIMIT, or why it cannot be loaded (LOAD_FAILED,
   * GRAPH_INVALID, DEFINITION_INVALID, PERMISSION_NOT_GRANTED, …). A version that is refused touches
   * nothing that is served.
   */
  registerTasks(tenant: string, workflow?: string): Promise<readonly string[]>
}

/** The parts of a task's namespace. */
export interface TaskAddress {
  readonly tenant: string
  readonly package: string
  readonly workflow: string
  readonly task: string
}

/** Calls a task as `invoke` does; the version is resolved at each call. */
export interface CallableTask {
  (body?: unknown, options?: InvokeOptions): Promise<unknown>
  readonly namespace: string
}

export interface Executor extends AsyncDisposable {
  readonly registry: RegistryValue
  readonly events: TypedEmitter<ExecutorEvents>
  /**
   * Calls a workflow (`tenant::package::workflow`) or a task (`…::task`) and awaits the answer.
   * A workflow takes its input and answers `{<last task>: output, …}`; a task takes
   * `{ input?, deps?: {<task>: output} }` and answers its output.
   */
  invoke(namespace: string, body?: unknown, options?: InvokeOptions): Promise<unknown>
  /** The same with JSON text in and out, unparsed on the way. */
  invokeJson(namespace: string, body: string, options?: InvokeOptions): Promise<InvokeAnswer>
  /**
   * Routes to a version that lies in the folder; resolves after the swap. At once when it is warm.
   * Throws OPTION_INVALID, VERSION_INVALID, UNKNOWN_PACKAGE, NO_MATCHING_VERSION, or the reason why it
   * cannot be loaded.
   */
  promote(promotion: Promotion): Promise<void>
  /**
   * Puts an archive into packagesDir when it would be taken as a drop, where it is then found like
   * any other: resolves before it is loaded. Throws the code it would be refused with,
   * PUBLISH_MISMATCH, VERSION_CONFLICT, PUBLISH_FAILED. A version that is there already is placed
   * once more where the archive brings signatures that say more of it.
   */
  publish(publication: Publication): Promise<Published>
  /** What loadWorkflowPackage() does, with its arguments checked there. */
  loadPackage(path: string): Promise<WorkflowPackage>
  /**
   * A task as a function, by `tenant::package::workflow::task` or the parts of it. Throws what a
   * call would be refused with now: NAMESPACE_INVALID, NAME_INVALID, OPTION_INVALID,
   * UNKNOWN_PACKAGE, NO_ACTIVE_VERSION, UNKNOWN_WORKFLOW, UNKNOWN_TASK.
   */
  getTask(task: string | TaskAddress): CallableTask
  status(): ExecutorRow
  /** Sorted by tenant, then package. */
  packages(): readonly PackageRow[]
  package(tenant: string, name: string): PackageRow | undefined
  receipts(query: {
    readonly tenant?: string
    readonly package?: string
    readonly before?: number
    readonly limit: number
  }): Promise<readonly SwapReceipt[]>
  /** Entries of the control log after a seq, oldest first: the first ones, or the newest ones. */
  control(query: {
    readonly since: number
    readonly limit: number
    /** Default false. */
    readonly newest?: boolean
    readonly tenant?: string
    readonly package?: string
  }): Promise<readonly ControlEntry[]>
  /** Looks at packagesDir now; resolves when all that was found then is served, waiting or refused. */
  reconcile(): Promise<void>
  /** Stops intake at once, drains, ends all threads. `force` does not wait for running tasks. */
  close(options?: { readonly force?: boolean }): Promise<void>
}
