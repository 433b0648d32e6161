/** Texts that a thread sends, made fit to use: they are the author's, or forged. */

import type { TaskFault } from '../protocol/lane-layout.ts'

/** What a call reported of its progress, for people. */
export function progressText(fraction: number, note: string | null): string {
  const percent = `${Math.round(Math.min(1, Math.max(0, fraction)) * 100)} %`
  return note === null ? percent : `${percent} ${note.slice(0, 200)}`
}

/** A fault as the thread wrote it; what is none becomes an ordinary failure. */
export function readFault(text: string): TaskFault {
  try {
    const fault = JSON.parse(text) as TaskFault | null
    if (typeof fault?.code === 'string' && typeof fault.message === 'string') return fault
  } catch {
    // Falls through to the failure that says so.
  }
  return { code: 'TASK_FAILED', message: 'its error cannot be read', terminal: true }
}
