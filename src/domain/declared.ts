/**
 * What a packed version says that its entry module exports, and the comparison with what it does.
 *
 * The definition is kept raw, exactly as a worker thread reports it, so that the comparison is of
 * what the author wrote and not of what one release of headgate makes of it.
 */

import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'
import { isRecord } from './canonical-json.ts'
import { printable } from './names.ts'
import { strictObject } from './schema.ts'

const jsonObjectSchema = z.record(z.string(), z.unknown())

export const schemasSchema = strictObject({
  /** Of the workflows whose schema library can give one. */
  inputs: z.array(strictObject({ workflow: z.string(), schema: jsonObjectSchema })).max(1000),
  /** Of the package's configuration; null: there is none, or its library cannot give one. */
  config: jsonObjectSchema.nullable(),
})

/** JSON Schemas of what a package is given. */
export type DeclaredSchemas = z.infer<typeof schemasSchema>

export const declaredSchema = z.object({ definition: jsonObjectSchema, schemas: schemasSchema })

export type Declared = z.infer<typeof declaredSchema>

/** What a module was found to export; not checked yet. */
export interface Found {
  readonly definition: unknown
  /** null: nobody asked for them, or what was said has no form. */
  readonly schemas: DeclaredSchemas | null
}

/** Loading need not ask the thread for schemas when there is none to compare. */
export function hasSchemas({ schemas }: Declared): boolean {
  return schemas.config !== null || schemas.inputs.length > 0
}

/** Throws DEFINITION_MISMATCH, which names the first difference. */
export function requireDeclared(
  declared: Declared,
  found: Found,
  id: { readonly package: string; readonly version: string },
): void {
  const why = differsFrom(declared, found)
  if (why === null) return
  throw new HeadgateError('DEFINITION_MISMATCH', { package: id.package, version: id.version, why })
}

/** The first difference, in words; null: there is none. */
export function differsFrom(declared: Declared, found: Found): string | null {
  return (
    firstDifference(declared.definition, found.definition, 'definition') ??
    (hasSchemas(declared) ? firstDifference(declared.schemas, found.schemas, 'schemas') : null)
  )
}

/**
 * The first place at which two JSON values differ, both values shown; null: they are equal. Keys are
 * compared in the order of `expected`, then the additional ones of `found`. An element of a list that
 * has a `name` is shown by it.
 */
export function firstDifference(expected: unknown, found: unknown, path = ''): string | null {
  if (Array.isArray(expected) && Array.isArray(found)) {
    const length = Math.max(expected.length, found.length)
    for (let at = 0; at < length; at++) {
      const place = `${path}[${nameOf(expected[at] ?? found[at]) ?? at}]`
      const difference = member(at < expected.length, at < found.length, place, () =>
        firstDifference(expected[at], found[at], place),
      )
      if (difference !== null) return difference
    }
    return null
  }
  if (isRecord(expected) && isRecord(found)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      const place = path === '' ? key : `${path}.${key}`
      const difference = member(
        Object.hasOwn(expected, key),
        Object.hasOwn(found, key),
        place,
        () => firstDifference(expected[key], found[key], place),
      )
      if (difference !== null) return difference
    }
    return null
  }
  return Object.is(expected, found) ? null : `${path} is ${shown(found)}, not ${shown(expected)}`
}

function member(
  isExpected: boolean,
  isFound: boolean,
  place: string,
  compare: () => string | null,
): string | null {
  if (isExpected && isFound) return compare()
  return `${place} is ${isFound ? 'additional' : 'missing'}`
}

function nameOf(value: unknown): string | null {
  const name = isRecord(value) ? (value['name'] ?? value['workflow']) : null
  return typeof name === 'string' ? printable(name).slice(1, -1) : null
}

function shown(value: unknown): string {
  return printable(JSON.stringify(value) ?? 'undefined')
    .slice(1, -1)
    .replaceAll('\\"', '"')
}
