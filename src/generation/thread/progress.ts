/**
 * Progress of the calls on its way to the main thread: the latest of each call, WINDOW_MS apart, so
 * that a report per row costs the executor nothing.
 */

import { systemClock } from '../../base/clock.ts'
import { type ProgressReport, progressReport } from '../../hosting/progress-report.ts'
import type { LanePort } from './lane-port.ts'

const WINDOW_MS = 100

interface Report extends ProgressReport {
  readonly id: number
}

export class Progress {
  readonly #port: LanePort
  /** By slot. */
  #latest = new Map<number, Report>()

  constructor(port: LanePort) {
    this.#port = port
  }

  /** `fraction` and `note` are the author's: they may be anything. */
  readonly report = (slot: number, id: number, fraction: unknown, note: unknown): void => {
    if (this.#latest.size === 0) systemClock.after(WINDOW_MS, () => this.#send())
    this.#latest.set(slot, { id, ...progressReport(fraction, note) })
  }

  #send(): void {
    const reports = this.#latest
    this.#latest = new Map()
    for (const [slot, report] of reports) this.#port.send({ type: 'progress', slot, ...report })
  }
}
