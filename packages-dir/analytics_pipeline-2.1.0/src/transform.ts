/** transform_data: the figures, under the key `analytics_metrics`. */

import { type DelayFigures, delayFigures, round } from './statistics.ts'
import type { ValidFlight } from './validate.ts'

export interface AirportMetrics extends DelayFigures {
  readonly airport: string
  readonly city: string
  readonly state: string
}

export interface DayMetrics {
  /** `YYYY-MM-DD`. */
  readonly day: string
  readonly flights: number
  readonly mean: number | null
}

export interface AnalyticsMetrics {
  readonly total_records: number
  readonly delay_metrics: DelayFigures
  readonly distance_metrics: { readonly total: number; readonly mean: number | null }
  /** By airport of departure, most flights first. */
  readonly airports: readonly AirportMetrics[]
  readonly days: readonly DayMetrics[]
}

export interface Transformation {
  readonly analytics_metrics: AnalyticsMetrics
}

export function transform(flights: readonly ValidFlight[]): Transformation {
  const distance = flights.reduce((total, flight) => total + flight.distance, 0)
  return {
    analytics_metrics: {
      total_records: flights.length,
      delay_metrics: delayFigures(flights.map((flight) => flight.delay)),
      distance_metrics: {
        total: distance,
        mean: flights.length === 0 ? null : round(distance / flights.length, 1),
      },
      airports: airportMetrics(flights),
      days: dayMetrics(flights),
    },
  }
}

function airportMetrics(flights: readonly ValidFlight[]): readonly AirportMetrics[] {
  const groups = Map.groupBy(flights, (flight) => flight.origin)
  return [...groups]
    .map(([airport, own]) => ({
      airport,
      city: own[0]?.origin_city ?? '',
      state: own[0]?.origin_state ?? '',
      ...delayFigures(own.map((flight) => flight.delay)),
    }))
    .sort((a, b) => b.flights - a.flights || (a.airport < b.airport ? -1 : 1))
}

function dayMetrics(flights: readonly ValidFlight[]): readonly DayMetrics[] {
  const groups = Map.groupBy(flights, (flight) => flight.date.slice(0, 10).replaceAll('/', '-'))
  return [...groups]
    .map(([day, own]) => {
      const { flights: count, mean } = delayFigures(own.map((flight) => flight.delay))
      return { day, flights: count, mean }
    })
    .sort((a, b) => (a.day < b.day ? -1 : 1))
}
