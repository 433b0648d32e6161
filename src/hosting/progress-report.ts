/** A task's report of its progress, made fit to show: it is the author's and may be anything. */

import { excerpt } from './excerpt.ts'

const NOTE_LENGTH = 200

export interface ProgressReport {
  /** As reported, meant to be from 0 to 1; 0 for what is no number. */
  readonly fraction: number
  readonly note: string | null
}

export function progressReport(fraction: unknown, note: unknown): ProgressReport {
  const share = Number(fraction)
  return {
    fraction: Number.isFinite(share) ? share : 0,
    note: typeof note === 'string' ? excerpt(note, NOTE_LENGTH) : null,
  }
}
