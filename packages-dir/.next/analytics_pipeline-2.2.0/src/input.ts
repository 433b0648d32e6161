/** The input of analytics_workflow and its schema, written by hand: the package has no dependency. */

import type { SchemaIssue, SchemaResult, StandardSchema } from 'headgate/sdk'
import type { RawFlight } from './tables.ts'

export interface AnalyticsInput {
  /** Only flights that left on this day, `YYYY-MM-DD`. */
  readonly day?: string
  /** Only flights from this airport, IATA code. */
  readonly origin?: string
  /** At most so many flights of the table, 1 to 2000. Default 100. */
  readonly limit?: number
  /** Reports that came in late: added to those of the table, checked by validate_data. */
  readonly late?: readonly RawFlight[]
}

export interface AnalyticsQuery {
  readonly day: string | null
  readonly origin: string | null
  readonly limit: number
  readonly late: readonly RawFlight[]
}

const DEFAULT_LIMIT = 100
const MOST_FLIGHTS = 2000
const MOST_LATE = 1000
const KNOWN = new Set(['day', 'origin', 'limit', 'late'])
const LATE_KINDS = {
  date: 'string',
  delay: 'number',
  distance: 'number',
  origin: 'string',
  destination: 'string',
} as const satisfies Record<keyof RawFlight, string>

export const analyticsInput: StandardSchema<AnalyticsInput | undefined, AnalyticsQuery> = {
  '~standard': { version: 1, vendor: 'analytics_pipeline', validate },
}

function validate(value: unknown): SchemaResult<AnalyticsQuery> {
  const given = value ?? {}
  if (!isObject(given)) return { issues: [{ message: 'the input must be an object', path: [] }] }
  const issues: SchemaIssue[] = []
  const expect = (isRight: boolean, path: PropertyKey[], message: string): void => {
    if (!isRight) issues.push({ path, message })
  }
  for (const key of Object.keys(given)) {
    expect(KNOWN.has(key), [key], `unknown key; known are ${[...KNOWN].join(', ')}`)
  }
  const { day = null, origin = null, limit = DEFAULT_LIMIT, late = [] } = given
  expect(day === null || isDay(day), ['day'], 'must be a day, for instance 2001-01-26')
  expect(
    origin === null || (typeof origin === 'string' && /^[A-Z]{3}$/.test(origin)),
    ['origin'],
    'must be the IATA code of an airport, for instance LAX',
  )
  expect(
    Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= MOST_FLIGHTS,
    ['limit'],
    `must be a whole number from 1 to ${MOST_FLIGHTS}`,
  )
  if (Array.isArray(late) && late.length <= MOST_LATE) checkLate(late, expect)
  else expect(false, ['late'], `must be a list of at most ${MOST_LATE} flights`)
  if (issues.length > 0) return { issues }
  return {
    value: {
      day: day as string | null,
      origin: origin as string | null,
      limit: limit as number,
      late: (late as RawFlight[]).map(complete),
    },
  }
}

type Expect = (isRight: boolean, path: PropertyKey[], message: string) => void

/** Only the kinds of the parts: what they hold is for the rules of validate_data. */
function checkLate(late: readonly unknown[], expect: Expect): void {
  for (const [index, flight] of late.entries()) {
    if (!isObject(flight)) {
      expect(false, ['late', index], 'must be an object')
      continue
    }
    for (const [key, kind] of Object.entries(LATE_KINDS)) {
      const part = flight[key] ?? null
      expect(
        part === null || typeof part === kind,
        ['late', index, key],
        `must be a ${kind} or null`,
      )
    }
  }
}

function complete(flight: Partial<RawFlight>): RawFlight {
  const { date = null, delay = null, distance = null, origin = null, destination = null } = flight
  return { date, delay, distance, origin, destination }
}

function isDay(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d{2}-\d{2}$/.test(value) &&
    !Number.isNaN(Date.parse(`${value}T00:00Z`))
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
