/**
 * The input of word_count. Any Standard Schema does (zod, valibot, arktype); this one is written by
 * hand, so that the package has no dependency.
 */

import type { SchemaIssue, SchemaResult, StandardSchema } from 'headgate/sdk'

export interface TextInput {
  readonly text: string
  /** Words in the ranking, 1 to 100. Default 10. */
  readonly limit?: number
}

/** The input as tasks see it. */
export interface Text {
  readonly text: string
  readonly limit: number
}

const DEFAULT_LIMIT = 10
const HIGHEST_LIMIT = 100

export const textInput: StandardSchema<TextInput, Text> = {
  '~standard': { version: 1, vendor: 'handwritten', validate },
}

function validate(value: unknown): SchemaResult<Text> {
  if (typeof value !== 'object' || value === null) {
    return { issues: [{ message: 'write an object: { "text": "…" }', path: [] }] }
  }
  const { text, limit = DEFAULT_LIMIT }: { readonly text?: unknown; readonly limit?: unknown } =
    value
  const issues: SchemaIssue[] = []
  if (typeof text !== 'string') issues.push({ message: 'must be a text', path: ['text'] })
  if (!isLimit(limit)) {
    const message = `must be a whole number from 1 to ${HIGHEST_LIMIT}`
    issues.push({ message, path: ['limit'] })
  }
  if (typeof text !== 'string' || !isLimit(limit)) return { issues }
  return { value: { text, limit } }
}

function isLimit(value: unknown): value is number {
  return (
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= HIGHEST_LIMIT
  )
}
