/**
 * The slot that the next version will most likely be loaded from, as the main thread knows it: the
 * source thread puts the next version there that it reports, while the main thread decides about it.
 *
 * F1  Whatever lies in a slot that was offered is another version's, until it is found to be the one
 *     that is asked for.
 */

/** A version as it is linked. */
export interface Linked {
  readonly digest: string
  readonly entryFile: string
}

interface Ahead extends Linked {
  /** Whether all of it lies there. */
  readonly done: Promise<boolean>
}

export class OfferedSlot {
  #slotDir: string | undefined
  #ahead: Ahead | undefined
  /** By the slot that is being filled. */
  readonly #filling = new Map<string, (ok: boolean) => void>()

  /** The one offered before is offered no longer. */
  offer(slotDir: string): void {
    this.#slotDir = slotDir
    this.#ahead = undefined
  }

  /** The thread puts a version there; filled() or lost() follows. */
  filling(slotDir: string, { digest, entryFile }: Linked): void {
    const { promise: done, resolve } = Promise.withResolvers<boolean>()
    this.#filling.set(slotDir, resolve)
    if (slotDir === this.#slotDir) this.#ahead = { digest, entryFile, done }
  }

  filled(slotDir: string, ok: boolean): void {
    this.#filling.get(slotDir)?.(ok)
    this.#filling.delete(slotDir)
  }

  /** The thread is gone. */
  lost(): void {
    for (const slotDir of this.#filling.keys()) this.filled(slotDir, false)
  }

  /**
   * What a slot that is to hold `version` holds, once nothing more is put there: `it`, perhaps
   * something `else` (F1), or `nothing`.
   */
  async use(slotDir: string, version: Linked): Promise<'it' | 'else' | 'nothing'> {
    if (slotDir !== this.#slotDir) return 'nothing'
    const ahead = this.#ahead
    this.#slotDir = undefined
    this.#ahead = undefined
    const isIt = ahead?.digest === version.digest && ahead.entryFile === version.entryFile
    return isIt && (await ahead.done) ? 'it' : 'else'
  }
}
