/**
 * Typed events. A listener that throws never breaks the emitter: what it threw goes to `onFault`.
 */

export type Listener<T> = (event: T) => void

export class TypedEmitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()
  readonly #onFault: (fault: unknown) => void

  constructor(onFault: (fault: unknown) => void = () => {}) {
    this.#onFault = onFault
  }

  /** Adds a listener; the returned function takes it off. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set)
    set.add(listener)
    return () => void set.delete(listener)
  }

  /** Resolves with the first event that `accept` takes. */
  once<K extends keyof Events>(
    name: K,
    accept: (event: Events[K]) => boolean = () => true,
    signal?: AbortSignal,
  ): Promise<Events[K]> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const onAbort = (): void => {
        off()
        reject(signal?.reason)
      }
      const off = this.on(name, (event) => {
        if (!accept(event)) return
        off()
        signal?.removeEventListener('abort', onAbort)
        resolve(event)
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    const set = this.#listeners.get(name)
    if (set === undefined) return
    for (const listener of set) {
      try {
        ;(listener as Listener<Events[K]>)(event)
      } catch (fault) {
        this.#onFault(fault)
      }
    }
  }
}
