/**
 * A set of growing integers: one bit each, and next to nothing where every bit is set.
 */

const CHUNK_BITS = 32_768

/** Stands for every chunk whose bits are all set; never written to. */
const FULL = new Uint32Array(CHUNK_BITS / 32).fill(0xffff_ffff)

interface Chunk {
  words: Uint32Array
  count: number
}

export class Bitset {
  readonly #chunks = new Map<number, Chunk>()

  /** false when it was in the set already. `value` is a safe integer from 0. */
  add(value: number): boolean {
    const number = Math.floor(value / CHUNK_BITS)
    let chunk = this.#chunks.get(number)
    if (chunk === undefined) {
      chunk = { words: new Uint32Array(CHUNK_BITS / 32), count: 0 }
      this.#chunks.set(number, chunk)
    }
    const index = value % CHUNK_BITS
    const word = chunk.words[index >>> 5] ?? 0
    const bit = 1 << (index & 31)
    if ((word & bit) !== 0) return false
    chunk.words[index >>> 5] = word | bit
    if (++chunk.count === CHUNK_BITS) chunk.words = FULL
    return true
  }

  has(value: number): boolean {
    const words = this.#chunks.get(Math.floor(value / CHUNK_BITS))?.words
    const index = value % CHUNK_BITS
    return words !== undefined && ((words[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
  }

  /** The first `most` values that are here and not in `other`, ascending. */
  firstNotIn(other: Bitset, most: number): number[] {
    const found: number[] = []
    for (const number of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      if (other.#chunks.get(number)?.words === FULL) continue
      for (let i = 0; i < CHUNK_BITS; i++) {
        if (found.length >= most) return found
        const value = number * CHUNK_BITS + i
        if (this.has(value) && !other.has(value)) found.push(value)
      }
    }
    return found
  }
}
