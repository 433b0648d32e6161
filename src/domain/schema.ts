/**
 * What every schema over a person's words needs: unknown keys refused with "did you mean", and the
 * first problem in one sentence with its path.
 */

import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { printable } from './names.ts'

/** A strict object whose refusal of an unknown key names the nearest known one. */
export function strictObject<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined
      const key = String(issue.keys[0])
      return `unknown key ${printable(key)}${didYouMean(key.slice(0, 80), known)}`
    },
  })
}

/** What `schema` makes of options. Throws OPTION_INVALID; `whole`: their name where no key is at fault. */
export function parseOptions<T extends z.ZodType>(
  schema: T,
  given: unknown,
  whole: string,
): z.output<T> {
  const { data, error } = schema.safeParse(given)
  if (error === undefined) return data
  const option = error.issues[0]?.path.join('.') || whole
  throw new HeadgateError('OPTION_INVALID', { option, why: firstProblem(error, given) })
}

/**
 * `path: message` of the first issue. An element of a list is shown by its `name` in `root` when it
 * has one; keys in `hidden` are left out of the path.
 */
export function firstProblem(
  error: z.ZodError,
  root: unknown,
  hidden: readonly string[] = [],
): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'invalid'
  const path = describePath(issue.path, root, hidden)
  return path === '' ? issue.message : `${path}: ${issue.message}`
}

function describePath(
  path: readonly PropertyKey[],
  root: unknown,
  hidden: readonly string[],
): string {
  let text = ''
  let at = root
  for (const key of path) {
    at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined
    if (typeof key === 'number') text += `[${nameOf(at) ?? key}]`
    else if (!hidden.includes(String(key))) text += `${text === '' ? '' : '.'}${String(key)}`
  }
  return text
}

function nameOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('name' in value)) return null
  return typeof value.name === 'string' ? printable(value.name).slice(1, -1) : null
}
