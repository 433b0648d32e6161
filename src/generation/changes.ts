/** Wakes those who wait for something to change; each looks itself whether it is what it waits for. */

export class Changes {
  readonly #waiting: (() => void)[] = []

  next(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve))
  }

  tell(): void {
    if (this.#waiting.length === 0) return
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
