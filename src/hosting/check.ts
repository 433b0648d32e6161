/**
 * Standard Schema checks where the package's code runs: input of a task, configuration of a package.
 */

import type { SchemaIssue, SchemaResult, StandardSchema } from '../sdk/standard-schema.ts'

export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly why: string }

/** Synchronous when the schema is. */
export function check(schema: StandardSchema, value: unknown): Checked | Promise<Checked> {
  const result = schema['~standard'].validate(value)
  return result instanceof Promise ? result.then(read) : read(result)
}

function read(result: SchemaResult<unknown>): Checked {
  return result.issues === undefined
    ? { ok: true, value: result.value }
    : { ok: false, why: result.issues.slice(0, 5).map(sentence).join('; ') }
}

function sentence(issue: SchemaIssue): string {
  const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)) ?? []
  return path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`
}
