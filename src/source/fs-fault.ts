/**
 * What a failed file system call means for a drop.
 */

import { messageOf } from '../base/errors.ts'

/**
 * `gone`: the path is no longer what it was; `denied`: rights are missing; `resources`: the
 * machine's fault, not the drop's.
 */
export type FsFault = 'gone' | 'denied' | 'resources'

const GONE = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO', 'ESTALE'])
const DENIED = new Set(['EACCES', 'EPERM'])

/** The errno name, else the message. */
export function codeOf(fault: unknown): string {
  const code: unknown = fault instanceof Error ? Reflect.get(fault, 'code') : undefined
  return typeof code === 'string' ? code : messageOf(fault)
}

export function isFsFault(fault: unknown): boolean {
  return fault instanceof Error && typeof Reflect.get(fault, 'syscall') === 'string'
}

export function classify(fault: unknown): FsFault {
  const code = codeOf(fault)
  if (GONE.has(code)) return 'gone'
  return DENIED.has(code) ? 'denied' : 'resources'
}
