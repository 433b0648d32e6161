/**
 * The holder of the one registry value, and of the generations its numbers stand for.
 *
 * R1  The value is replaced whole, by one assignment; readers keep the value they read.
 * R2  Resolving a request and entering it in a ledger happen without an await in between: on one
 *     event loop that makes a swap atomic.
 */

import { type RegistryValue, emptyRegistry } from '../domain/route.ts'
import type { Generation } from '../generation/generation.ts'

export class Registry {
  readonly #generations = new Map<number, Generation>()
  #value: RegistryValue = emptyRegistry(0)

  get value(): RegistryValue {
    return this.#value
  }

  /** The swap. */
  assign(value: RegistryValue): void {
    this.#value = value
  }

  add(generation: Generation): void {
    this.#generations.set(generation.number, generation)
  }

  remove(generation: Generation): void {
    this.#generations.delete(generation.number)
  }

  generation(number: number): Generation | undefined {
    return this.#generations.get(number)
  }

  generations(): IterableIterator<Generation> {
    return this.#generations.values()
  }

  /** The generation unpinned requests of this route go to now. */
  active(routeKey: string): Generation | undefined {
    const number = this.#value.routes.get(routeKey)?.active
    return number === null || number === undefined ? undefined : this.#generations.get(number)
  }
}
