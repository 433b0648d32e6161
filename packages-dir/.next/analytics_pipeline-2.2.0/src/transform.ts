/** transform_data: one record per airport and distance band, under the key `transformed_records`. */

import { type DelayFigures, delayFigures } from './statistics.ts'
import type { ValidFlight } from './validate.ts'

export type DistanceBand = 'short' | 'medium' | 'long'

export interface TransformedRecord extends DelayFigures {
  readonly airport: string
  readonly city: string
  readonly state: string
  readonly band: DistanceBand
  /** Miles flown. */
  readonly miles: number
}

export interface Transformation {
  /** By airport of departure, then band. */
  readonly transformed_records: readonly TransformedRecord[]
  readonly overall: DelayFigures
}

/** Miles from which a flight belongs to the next band. */
const MEDIUM_FROM = 500
const LONG_FROM = 1500

export function transform(flights: readonly ValidFlight[]): Transformation {
  const groups = Map.groupBy(flights, (flight) => `${flight.origin} ${bandOf(flight.distance)}`)
  const transformed_records = [...groups.values()]
    .map(toRecord)
    .sort((a, b) => compare(a.airport, b.airport) || compare(a.band, b.band))
  return { transformed_records, overall: delayFigures(flights.map((flight) => flight.delay)) }
}

function toRecord(flights: readonly ValidFlight[]): TransformedRecord {
  const [first] = flights
  return {
    airport: first?.origin ?? '',
    city: first?.origin_city ?? '',
    state: first?.origin_state ?? '',
    band: bandOf(first?.distance ?? 0),
    miles: flights.reduce((total, flight) => total + flight.distance, 0),
    ...delayFigures(flights.map((flight) => flight.delay)),
  }
}

function bandOf(miles: number): DistanceBand {
  if (miles < MEDIUM_FROM) return 'short'
  return miles < LONG_FROM ? 'medium' : 'long'
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
