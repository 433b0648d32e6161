/**
 * Requests that wait for a slot, apart by depth.
 *
 * Q1  Within a depth they leave in the order in which they came. Between depths the lower seq goes
 *     first: a nested request has the seq of the outermost call it belongs to.
 * Q2  What is not deep enough for the slots that are free holds back nothing deeper.
 */

import { Deque } from '../base/deque.ts'
import type { Caller } from '../domain/call-depth.ts'

const EMPTY: Deque<never> = new Deque()

export class RequestQueue<T extends Caller> {
  readonly #outermost: Deque<T> = new Deque()
  /** By depth. */
  readonly #levels: Deque<T>[] = [this.#outermost]
  #nestedSize = 0

  get size(): number {
    return this.#outermost.size + this.#nestedSize
  }

  /** Those of a depth over 0. */
  get nestedSize(): number {
    return this.#nestedSize
  }

  /** Greatest depth of those that wait. */
  get deepest(): number {
    return this.#nestedSize === 0 ? 0 : this.#levels.findLastIndex(({ size }) => size > 0)
  }

  push(item: T): void {
    if (item.depth === 0) this.#outermost.push(item)
    else {
      this.#nestedSize++
      this.#level(item.depth).push(item)
    }
  }

  unshift(item: T): void {
    if (item.depth > 0) this.#nestedSize++
    this.#level(item.depth).unshift(item)
  }

  /** Q1, of those with this depth or a greater one. */
  peek(least = 0): T | undefined {
    if (this.#nestedSize === 0) return least === 0 ? this.#outermost.peek() : undefined
    return this.#first(least).peek()
  }

  shift(least = 0): T | undefined {
    if (this.#nestedSize === 0) return least === 0 ? this.#outermost.shift() : undefined
    const item = this.#first(least).shift()
    if (item !== undefined && item.depth > 0) this.#nestedSize--
    return item
  }

  /** Takes one out of the middle; false when it is not there. */
  remove(item: T): boolean {
    if (!this.#level(item.depth).remove(item)) return false
    if (item.depth > 0) this.#nestedSize--
    return true
  }

  /** Takes everything out. */
  drain(): T[] {
    this.#nestedSize = 0
    return this.#levels.flatMap((level) => level.drain())
  }

  #level(depth: number): Deque<T> {
    while (this.#levels.length <= depth) this.#levels.push(new Deque())
    return this.#levels[depth] as Deque<T>
  }

  /** The level whose head goes first. */
  #first(least: number): Deque<T> {
    let best: Deque<T> = EMPTY
    for (const level of this.#levels.slice(least)) {
      const head = level.peek()
      const other = best.peek()
      if (head !== undefined && (other === undefined || head.seq < other.seq)) best = level
    }
    return best
  }
}
