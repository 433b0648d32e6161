/**
 * Who needs a generation to last a moment longer: while a swap to it is committed, no clock ends it.
 */

export class Claims {
  #count = 0
  #waiting: (() => void)[] = []

  get any(): boolean {
    return this.#count > 0
  }

  /** Claims it until the returned function is called. */
  take(): () => void {
    this.#count++
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      if (--this.#count > 0) return
      for (const due of this.#waiting.splice(0)) due()
    }
  }

  /** Runs `due` when nobody claims it: now, or when the last claim is given back. */
  whenFree(due: () => void): void {
    if (this.any) this.#waiting.push(due)
    else due()
  }
}
