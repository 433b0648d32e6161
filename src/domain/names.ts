/**
 * The grammar of names. Everything it leaves out (case twins, look-alikes, control characters,
 * `__proto__`, `::`, path parts) needs no further care anywhere else.
 */

import { HeadgateError } from '../base/errors.ts'

export type NameKind = 'tenant' | 'package' | 'workflow' | 'task'

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/**
 * `value` itself when it is a name of that kind; a package may also be `@scope/name`.
 * Throws NAME_INVALID.
 */
export function checkName(kind: NameKind, value: string): string {
  if (isName(kind, value)) return value
  throw new HeadgateError('NAME_INVALID', { kind, value: printable(value) })
}

export function isName(kind: NameKind, value: unknown): value is string {
  if (typeof value !== 'string') return false
  if (kind !== 'package' || !value.startsWith('@')) return NAME.test(value)
  const slash = value.indexOf('/')
  return slash > 0 && NAME.test(value.slice(1, slash)) && NAME.test(value.slice(slash + 1))
}

/** Quoted, at most 80 characters of it, all but printable ASCII escaped: safe on a terminal. */
export function printable(value: unknown): string {
  if (typeof value !== 'string') return `a value of type ${typeof value}`
  const shown = value.length > 80 ? `${value.slice(0, 80)}...` : value
  return JSON.stringify(shown).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
