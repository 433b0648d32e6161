/**
 * Generation numbers and epochs: never given twice in a data dir, so reserved durably in blocks.
 */

import type { Store } from '../store/store.ts'

const BLOCK = 64

export class NumberBlocks {
  readonly #store: Pick<Store, 'reserve'>
  readonly #what: 'generation' | 'epoch'
  #next = 0
  #end = 0
  #reserving: Promise<void> | undefined

  constructor(store: Pick<Store, 'reserve'>, what: 'generation' | 'epoch') {
    this.#store = store
    this.#what = what
  }

  async take(): Promise<number> {
    while (this.#next === this.#end) {
      this.#reserving ??= this.#reserve()
      await this.#reserving
    }
    return this.#next++
  }

  async #reserve(): Promise<void> {
    try {
      const first = await this.#store.reserve(this.#what, BLOCK)
      this.#next = first
      this.#end = first + BLOCK
    } finally {
      this.#reserving = undefined
    }
  }
}
