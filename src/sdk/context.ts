/**
 * What a package's functions are given while they run.
 */

export interface TaskLog {
  debug(message: string): void
  debug(fields: Readonly<Record<string, unknown>>, message?: string): void
  info(message: string): void
  info(fields: Readonly<Record<string, unknown>>, message?: string): void
  warn(message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message?: string): void
  error(message: string): void
  error(fields: Readonly<Record<string, unknown>>, message?: string): void
}

/** The same in a direct invoke, in a durable run and in a test. */
export interface TaskContext<
  Input = unknown,
  Config = unknown,
  Secrets = Readonly<Record<string, string>>,
  Resources = unknown,
> {
  /** The workflow's input after its schema; undefined when the task was called without one. */
  readonly input: Input
  /** Aborts at the deadline, when the caller cancels, or when the generation must end. */
  readonly signal: AbortSignal
  /** Wall clock, ms since the epoch. */
  readonly deadline: number
  readonly log: TaskLog
  /** 1 for the first try. */
  readonly attempt: number
  /** The same for every attempt of this task in this run. */
  readonly idempotencyKey: string
  readonly tenant: string
  readonly package: string
  readonly version: string
  /** Id of the run or of the direct invoke. */
  readonly run: string
  readonly generation: number
  readonly config: Config
  readonly secrets: Secrets
  /** What the package's `setup` returned. */
  readonly resources: Resources
  /** `fraction` from 0 to 1. */
  progress(fraction: number, note?: string): void
  /**
   * Calls `tenant::package::workflow` or a task of it, of the own tenant, and awaits the answer.
   * `version`: exact version or semver range; default the active version.
   *
   * The call ends with the task: when the task returns, fails, times out or is cancelled before it,
   * it is cancelled. Meanwhile the task does not count against the package's `concurrency`. Calls
   * nest at most 16 deep: NESTING_TOO_DEEP. Rejects with what a library caller of the executor gets:
   * `code`, `message`, `retryable`, and `details`, with the code and data of the task that failed as
   * `cause` and `data`.
   */
  invoke(
    namespace: string,
    input?: unknown,
    options?: { readonly version?: string },
  ): Promise<unknown>
}

/** What `setup` is given, once in each worker thread, before the version serves anything. */
export interface SetupContext<Config = unknown, Secrets = Readonly<Record<string, string>>> {
  readonly tenant: string
  readonly package: string
  readonly version: string
  readonly generation: number
  readonly config: Config
  readonly secrets: Secrets
  readonly log: TaskLog
  /** Aborts when loading takes too long or the generation must end. */
  readonly signal: AbortSignal
}
