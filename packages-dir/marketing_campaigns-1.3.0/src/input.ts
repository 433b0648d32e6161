/** The input of marketing_workflow and its schema, written by hand: the package has no dependency. */

import type { SchemaIssue, SchemaResult, StandardSchema } from 'headgate/sdk'
import { SEGMENTS, type SegmentName } from './segments.ts'

export interface MarketingInput {
  /** Day to look back from, `YYYY-MM-DD`; later orders are left out. Default: the newest order's. */
  readonly today?: string
  /** Segments to write to. Default: all. */
  readonly segments?: readonly SegmentName[]
  /** Messages of one campaign, best customers first, 1 to 1000. Default 25. */
  readonly limit?: number
}

export interface MarketingQuery {
  readonly today: string | null
  readonly segments: readonly SegmentName[]
  readonly limit: number
}

const DEFAULT_LIMIT = 25
const MOST_MESSAGES = 1000
const KNOWN = ['today', 'segments', 'limit']

export const marketingInput: StandardSchema<MarketingInput | undefined, MarketingQuery> = {
  '~standard': { version: 1, vendor: 'marketing_campaigns', validate },
}

function validate(value: unknown): SchemaResult<MarketingQuery> {
  const given = value ?? {}
  if (!isObject(given)) return { issues: [{ message: 'the input must be an object', path: [] }] }
  const issues: SchemaIssue[] = []
  const refuse = (path: PropertyKey[], message: string): void => {
    issues.push({ path, message })
  }
  for (const key of Object.keys(given)) {
    if (!KNOWN.includes(key)) refuse([key], `unknown key; known are ${KNOWN.join(', ')}`)
  }
  const { today = null, segments = SEGMENTS, limit = DEFAULT_LIMIT } = given
  if (today !== null && !isDay(today)) refuse(['today'], 'must be a day, for instance 2025-06-30')
  if (!isLimit(limit)) refuse(['limit'], `must be a whole number from 1 to ${MOST_MESSAGES}`)
  if (!Array.isArray(segments) || segments.length === 0) {
    refuse(['segments'], 'must be a list of at least one segment')
  } else {
    for (const [index, segment] of segments.entries()) {
      if (!isSegment(segment)) refuse(['segments', index], `must be one of ${SEGMENTS.join(', ')}`)
    }
  }
  if (issues.length > 0) return { issues }
  const wanted = segments as readonly SegmentName[]
  return {
    value: {
      today: today as string | null,
      segments: SEGMENTS.filter((segment) => wanted.includes(segment)),
      limit: limit as number,
    },
  }
}

function isDay(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d{2}-\d{2}$/.test(value) &&
    !Number.isNaN(Date.parse(`${value}T00:00Z`))
  )
}

function isLimit(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MOST_MESSAGES
}

function isSegment(value: unknown): boolean {
  return SEGMENTS.some((segment) => segment === value)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
