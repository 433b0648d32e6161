/**
 * What a part of the executor owns and must give back.
 *
 * S1  close() is idempotent: every caller gets the same promise.
 * S2  releases run in the reverse order of adoption, one after the other, each even if another threw.
 * S3  close() waits for tracked background work before it releases anything.
 */

export class Scope {
  readonly #abort = new AbortController()
  readonly #releases: (() => unknown)[] = []
  readonly #background = new Set<Promise<unknown>>()
  readonly #onFault: (fault: unknown) => void
  #closing: Promise<void> | undefined

  constructor(onFault: (fault: unknown) => void = () => {}) {
    this.#onFault = onFault
  }

  /** Aborts when close() begins. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** Registers what to do at close. */
  defer(release: () => unknown): void {
    this.#releases.push(release)
  }

  /** Counts work nobody awaits; a rejection goes to `onFault` unless the scope is closing. */
  background(work: Promise<unknown>): void {
    const tracked = work.then(
      () => void this.#background.delete(tracked),
      (fault: unknown) => {
        this.#background.delete(tracked)
        if (!this.closed) this.#onFault(fault)
      },
    )
    this.#background.add(tracked)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#abort.abort(new Error('closing'))
    while (this.#background.size > 0) await Promise.all(this.#background)
    const faults: unknown[] = []
    for (const release of this.#releases.reverse()) {
      try {
        await release()
      } catch (fault) {
        faults.push(fault)
      }
    }
    if (faults.length === 1) throw faults[0]
    if (faults.length > 1) throw new AggregateError(faults, 'several parts failed to close')
  }
}

/** Runs the steps one after the other, each even if one before it threw; then throws what they threw. */
export async function inOrder(steps: readonly (() => unknown)[]): Promise<void> {
  const scope = new Scope()
  for (const step of steps.toReversed()) scope.defer(step)
  await scope.close()
}
