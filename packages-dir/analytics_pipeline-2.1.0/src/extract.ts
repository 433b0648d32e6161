/** extract_data: flights joined with their airports. */

import type { AnalyticsQuery } from './input.ts'
import { type Airport, type RawFlight, type Tables, tables } from './tables.ts'

export interface ExtractedFlight extends RawFlight {
  readonly origin_city: string | null
  readonly origin_state: string | null
  readonly destination_city: string | null
  /** Miles along the great circle; null when an airport is unknown. */
  readonly great_circle: number | null
}

export interface Extraction {
  readonly extracted_records: readonly ExtractedFlight[]
  readonly sources: { readonly table: number; readonly late: number }
}

export function extract(
  query: AnalyticsQuery,
  { flights, airports }: Tables = tables(),
): Extraction {
  const day = query.day?.replaceAll('-', '/') ?? null
  const chosen: RawFlight[] = []
  for (const flight of flights) {
    if (day !== null && flight.date?.startsWith(day) !== true) continue
    if (query.origin !== null && flight.origin !== query.origin) continue
    if (chosen.push(flight) === query.limit) break
  }
  const sources = { table: chosen.length, late: query.late.length }
  const extracted_records = [...chosen, ...query.late].map((flight) => join(flight, airports))
  return { extracted_records, sources }
}

function join(flight: RawFlight, airports: ReadonlyMap<string, Airport>): ExtractedFlight {
  const origin = airports.get(flight.origin ?? '')
  const destination = airports.get(flight.destination ?? '')
  const isKnown = origin !== undefined && destination !== undefined
  return {
    ...flight,
    origin_city: origin?.city ?? null,
    origin_state: origin?.state ?? null,
    destination_city: destination?.city ?? null,
    great_circle: isKnown ? Math.round(greatCircle(origin, destination)) : null,
  }
}

const EARTH_RADIUS_MILES = 3958.8
const DEGREE = Math.PI / 180

function greatCircle(from: Airport, to: Airport): number {
  const halfLatitude = ((to.latitude - from.latitude) * DEGREE) / 2
  const halfLongitude = ((to.longitude - from.longitude) * DEGREE) / 2
  const square =
    Math.sin(halfLatitude) ** 2 +
    Math.cos(from.latitude * DEGREE) * Math.cos(to.latitude * DEGREE) * Math.sin(halfLongitude) ** 2
  return 2 * EARTH_RADIUS_MILES * Math.asin(Math.sqrt(square))
}
