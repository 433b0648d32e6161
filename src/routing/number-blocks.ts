/**
 * Generation numbers and epochs: never given twice in a data dir, so reserved durably in blocks.
 *
 * N1  The next block is reserved when half of one is used: while the disk is full, what must be done
 *     without it (a quarantine) finds numbers that are reserved already.
 */

import type { Store } from '../store/store.ts'

const BLOCK = 64

interface Block {
  next: number
  readonly end: number
}

export class NumberBlocks {
  readonly #store: Pick<Store, 'reserve'>
  readonly #what: 'generation' | 'epoch'
  readonly #blocks: Block[] = []
  #reserving: Promise<void> | undefined

  constructor(store: Pick<Store, 'reserve'>, what: 'generation' | 'epoch') {
    this.#store = store
    this.#what = what
  }

  async take(): Promise<number> {
    for (;;) {
      const [block] = this.#blocks
      if (block === undefined) {
        await this.#reserve()
        continue
      }
      const number = block.next++
      if (block.next === block.end) this.#blocks.shift()
      // Whoever finds no number left is told why; until then it is tried again with each one.
      if (this.#left() <= BLOCK / 2) this.#reserve().catch(() => {})
      return number
    }
  }

  #left(): number {
    return this.#blocks.reduce((left, { next, end }) => left + end - next, 0)
  }

  #reserve(): Promise<void> {
    this.#reserving ??= this.#store
      .reserve(this.#what, BLOCK)
      .then((first) => void this.#blocks.push({ next: first, end: first + BLOCK }))
      .finally(() => {
        this.#reserving = undefined
      })
    return this.#reserving
  }
}
