/**
 * Whether what one JSON Schema takes is taken by the next one too.
 *
 * Keyword by keyword, and never the hopeful way: a difference whose meaning is not known here counts
 * as breaking. One convention is softer than logic: a new optional property is compatible, although a
 * caller could have sent anything under its name before.
 */

import { canonicalJson, isRecord } from './canonical-json.ts'
import type { JsonSchema } from './json-schema.ts'

export interface SchemaChange {
  readonly breaking: boolean
  /** What is different, with its place: `limit: maximum lowered from 10 to 5`. */
  readonly what: string
}

/** Higher refuses more. */
const LOWER_BOUNDS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
/** Lower refuses more. */
const UPPER_BOUNDS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']
/** Adding or changing one refuses more, taking it away never does. */
const RESTRICTIONS = ['pattern', 'format', 'multipleOf', 'uniqueItems', 'propertyNames', 'not']

const COMPARED: ReadonlySet<string> = new Set([
  ...LOWER_BOUNDS,
  ...UPPER_BOUNDS,
  ...RESTRICTIONS,
  'type',
  'enum',
  'const',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'anyOf',
  'oneOf',
  'default',
])

/** Both without annotations. `at`: the place in the value, '' at its top. */
export function compareSchemas(previous: JsonSchema, next: JsonSchema, at = ''): SchemaChange[] {
  if (canonicalJson(previous) === canonicalJson(next)) return []
  return [
    ...compareTypes(previous, next, at),
    ...compareValues(previous, next, at),
    ...compareBounds(previous, next, at),
    ...compareRestrictions(previous, next, at),
    ...compareRequired(previous, next, at),
    ...compareProperties(previous, next, at),
    ...compareAdditional(previous, next, at),
    ...compareItems(previous, next, at),
    ...compareAlternatives(previous, next, at),
    ...compareDefaults(previous, next, at),
    ...compareRest(previous, next, at),
  ]
}

function compareTypes(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  const before = typesOf(previous)
  const after = typesOf(next)
  if (before === null && after === null) return []
  if (after === null) return [change(false, at, 'takes every type now')]
  if (before === null) return [change(true, at, `takes only ${[...after].join(' or ')} now`)]
  const takes = (types: ReadonlySet<string>, type: string): boolean =>
    types.has(type) || (type === 'integer' && types.has('number'))
  const lost = [...before].filter((type) => !takes(after, type))
  const gained = [...after].filter((type) => !takes(before, type))
  return [
    ...lost.map((type) => change(true, at, `takes no ${type} any more`)),
    ...gained.map((type) => change(false, at, `takes ${type} too`)),
  ]
}

function typesOf({ type }: JsonSchema): ReadonlySet<string> | null {
  if (typeof type === 'string') return new Set([type])
  return Array.isArray(type) ? new Set(type.map(String)) : null
}

/** `const` is an enum of one. */
function compareValues(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  const before = valuesOf(previous)
  const after = valuesOf(next)
  if (after === null) return before === null ? [] : [change(false, at, 'takes any value now')]
  if (before === null) return [change(true, at, `takes only ${[...after].join(', ')} now`)]
  return [
    ...[...before]
      .filter((value) => !after.has(value))
      .map((v) => change(true, at, `takes no ${v}`)),
    ...[...after]
      .filter((value) => !before.has(value))
      .map((v) => change(false, at, `takes ${v} too`)),
  ]
}

function valuesOf(schema: JsonSchema): ReadonlySet<string> | null {
  if (Object.hasOwn(schema, 'const')) return new Set([canonicalJson(schema['const'])])
  const list = schema['enum']
  return Array.isArray(list) ? new Set(list.map((value) => canonicalJson(value))) : null
}

function compareBounds(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  const compare = (keyword: string, tightens: (from: number, to: number) => boolean) => {
    const from = previous[keyword]
    const to = next[keyword]
    if (from === to) return []
    if (to === undefined) return [change(false, at, `${keyword} ${shown(from)} is gone`)]
    if (from === undefined) return [change(true, at, `${keyword} ${shown(to)} is new`)]
    const isKnown = typeof from === 'number' && typeof to === 'number'
    const what = `${keyword} went from ${shown(from)} to ${shown(to)}`
    return [change(!isKnown || tightens(from, to), at, what)]
  }
  return [
    ...LOWER_BOUNDS.flatMap((keyword) => compare(keyword, (from, to) => to > from)),
    ...UPPER_BOUNDS.flatMap((keyword) => compare(keyword, (from, to) => to < from)),
  ]
}

function compareRestrictions(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  return RESTRICTIONS.flatMap((keyword) => {
    const from = previous[keyword]
    const to = next[keyword]
    if (canonicalJson([from]) === canonicalJson([to])) return []
    if (to === undefined) return [change(false, at, `${keyword} is gone`)]
    return [change(true, at, `${keyword} is ${shown(to)} now`)]
  })
}

function compareRequired(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  const before = requiredOf(previous)
  const after = requiredOf(next)
  return [
    ...[...after]
      .filter((name) => !before.has(name))
      .map((name) => change(true, join(at, name), 'is required now')),
    ...[...before]
      .filter((name) => !after.has(name))
      .map((name) => change(false, join(at, name), 'is not required any more')),
  ]
}

function requiredOf({ required }: JsonSchema): ReadonlySet<string> {
  return new Set(Array.isArray(required) ? required.map(String) : [])
}

function compareProperties(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  const before = propertiesOf(previous)
  const after = propertiesOf(next)
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names.flatMap((name) => {
    const place = join(at, name)
    const from = before.get(name)
    const to = after.get(name)
    if (from === undefined) return [change(false, place, 'is new')]
    if (to !== undefined) return compareAny(from, to, place)
    return next['additionalProperties'] === false
      ? [change(true, place, 'is refused now')]
      : [change(false, place, 'is not looked at any more')]
  })
}

function propertiesOf({ properties }: JsonSchema): ReadonlyMap<string, unknown> {
  return new Map(isRecord(properties) ? Object.entries(properties) : [])
}

function compareAdditional(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  return compareAny(
    previous['additionalProperties'] ?? true,
    next['additionalProperties'] ?? true,
    join(at, '*'),
  )
}

function compareItems(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  return compareAny(previous['items'] ?? true, next['items'] ?? true, `${at}[]`)
}

/** Each alternative of before must be one of the next, or taken by one of them. */
function compareAlternatives(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  return ['anyOf', 'oneOf'].flatMap((keyword) => {
    const before = previous[keyword]
    const after = next[keyword]
    if (canonicalJson([before]) === canonicalJson([after])) return []
    if (after === undefined) return [change(false, at, `${keyword} is gone`)]
    if (!Array.isArray(before) || !Array.isArray(after)) {
      return [change(true, at, `${keyword} is new`)]
    }
    const isTaken = (from: unknown, by: readonly unknown[]): boolean =>
      by.some((to) => compareAny(from, to, at).every(({ breaking }) => !breaking))
    const lost = before.filter((from) => !isTaken(from, after))
    const gained = after.filter((to) => !isTaken(to, before))
    return [
      ...lost.map((one) => change(true, at, `does not take ${shown(one)} any more`)),
      ...gained.map((one) => change(false, at, `takes ${shown(one)} too`)),
      ...(lost.length + gained.length === 0
        ? [change(false, at, `${keyword} is written anew`)]
        : []),
    ]
  })
}

function compareDefaults(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  const [from, to] = [previous['default'], next['default']]
  if (canonicalJson([from]) === canonicalJson([to])) return []
  const what = `its default went from ${shown(from)} to ${shown(to)}`
  return [change(false, at, what)]
}

function compareRest(previous: JsonSchema, next: JsonSchema, at: string): SchemaChange[] {
  return [...new Set([...Object.keys(previous), ...Object.keys(next)])]
    .filter((keyword) => !COMPARED.has(keyword))
    .filter((keyword) => canonicalJson([previous[keyword]]) !== canonicalJson([next[keyword]]))
    .map((keyword) => change(true, at, `${keyword} is different`))
}

/** Schemas that may be `true` (everything) or `false` (nothing). */
function compareAny(previous: unknown, next: unknown, at: string): SchemaChange[] {
  if (previous === false)
    return next === false ? [] : [change(false, at, 'is not refused any more')]
  if (next === false) return [change(true, at, 'is refused now')]
  const [from, to] = [previous === true ? {} : previous, next === true ? {} : next]
  if (isRecord(from) && isRecord(to)) return compareSchemas(from, to, at)
  return canonicalJson([from]) === canonicalJson([to]) ? [] : [change(true, at, 'is different')]
}

function change(breaking: boolean, at: string, what: string): SchemaChange {
  return { breaking, what: at === '' ? what : `${at} ${what}` }
}

function join(at: string, name: string): string {
  return at === '' ? name : `${at}.${name}`
}

function shown(value: unknown): string {
  const text = canonicalJson(value) ?? 'none'
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
