/**
 * JSON Schema (draft 2020-12) as far as headgate reads it: which parts of a schema are schemas again,
 * and which say nothing about what is accepted.
 */

import { isRecord } from './canonical-json.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** Keywords for readers. `default` is not one of them: it changes what a task is given. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'examples',
  'deprecated',
])

/** Keywords whose value maps names to schemas. */
const MAPS: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
])

/** Keywords whose value is data, whatever it looks like. */
const DATA: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'required'])

/** The same schema without what is only written for readers. */
export function withoutAnnotations(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema).filter(([key]) => !ANNOTATIONS.has(key))
  return Object.fromEntries(kept.map(([key, value]) => [key, cleaned(key, value)]))
}

function cleaned(key: string, value: unknown): unknown {
  if (DATA.has(key)) return value
  if (!MAPS.has(key) || !isRecord(value)) return subschemas(value)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, subschemas(one)]))
}

function subschemas(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(subschemas)
  return isRecord(value) ? withoutAnnotations(value) : value
}

/** The names a schema of an object knows, as written; null: it says none. */
export function propertyNames(schema: JsonSchema | null): readonly string[] | null {
  const properties = schema?.['properties']
  return isRecord(properties) ? Object.keys(properties) : null
}
