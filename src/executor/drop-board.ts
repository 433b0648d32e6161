/**
 * What the source says of the folder, kept for status: drops it does not take and why, and how it
 * watches.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import type { RefusedDrop, Source, WatchStatus } from '../source/source.ts'

/** How long the start waits for drops that are not complete yet. */
const FIRST_QUIET_MS = 1_000

export class DropBoard {
  readonly #source: Pick<Source, 'events' | 'reconcile'>
  readonly #refused = new Map<string, RefusedDrop>()
  #watch: WatchStatus = {
    state: 'degraded',
    mode: 'missing',
    reason: 'not looked at yet',
    watches: 0,
    lastReconcileAt: 0,
    lastReconcileMs: 0,
    entries: 0,
  }

  /** `changed` is told of a refusal that came (`standing`) or went. */
  constructor(
    source: Pick<Source, 'events' | 'reconcile'>,
    changed: (refused: RefusedDrop, standing: boolean) => void,
  ) {
    this.#source = source
    source.events.on('refused', (refused) => {
      this.#refused.set(refused.entry, refused)
      changed(refused, true)
    })
    source.events.on('cleared', ({ entry }) => {
      const refused = this.#refused.get(entry)
      if (this.#refused.delete(entry) && refused !== undefined) changed(refused, false)
    })
    source.events.on('watch', (watch) => {
      this.#watch = watch
    })
    // Until the next thread says how it watches.
    source.events.on('fault', ({ message }) => {
      this.#watch = { ...this.#watch, state: 'degraded', reason: message, watches: 0 }
    })
  }

  get watch(): WatchStatus {
    return this.#watch
  }

  /** All refusals that stand. */
  all(): RefusedDrop[] {
    return [...this.#refused.values()]
  }

  /** A drop copied just before the start is complete in a moment: waits for it, but not for long. */
  async quiet(clock: Clock = systemClock): Promise<void> {
    const deadline = clock.monotonic() + FIRST_QUIET_MS
    while (this.all().some((refused) => refused.kind === 'incomplete')) {
      const left = deadline - clock.monotonic()
      if (left <= 0) return
      await this.#changeWithin(clock, left)
      // What is no longer refused is staged by the end of the next full look.
      await this.#source.reconcile()
    }
  }

  /** Resolves at the next change of a refusal, or after `ms`. */
  #changeWithin(clock: Clock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        for (const off of offs) off()
        resolve()
      }
      const { events } = this.#source
      const timer = clock.after(ms, end, { keepAlive: true })
      const offs = [events.on('cleared', end), events.on('refused', end)]
    })
  }
}
