/** A queue that takes and gives at both ends in constant time (a growing ring). */
export class Deque<T> {
  #ring: (T | undefined)[] = new Array(16)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size++) & (this.#ring.length - 1)] = item
  }

  unshift(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#head = (this.#head - 1) & (this.#ring.length - 1)
    this.#ring[this.#head] = item
    this.#size++
  }

  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    return item
  }

  /** Takes one item out of the middle; false when it is not there. Linear, in place. */
  remove(item: T): boolean {
    const mask = this.#ring.length - 1
    let at = 0
    while (at < this.#size && this.#ring[(this.#head + at) & mask] !== item) at++
    if (at === this.#size) return false
    for (this.#size--; at < this.#size; at++) {
      this.#ring[(this.#head + at) & mask] = this.#ring[(this.#head + at + 1) & mask]
    }
    this.#ring[(this.#head + this.#size) & mask] = undefined
    return true
  }

  /** Takes everything out, in order. */
  drain(): T[] {
    const items: T[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item)
    return items
  }

  #grow(): void {
    const ring: (T | undefined)[] = new Array(this.#ring.length * 2)
    for (let i = 0; i < this.#size; i++) {
      ring[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)]
    }
    this.#ring = ring
    this.#head = 0
  }
}
