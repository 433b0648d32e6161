/** The package's tables, read once in each worker thread. */

import { readFileSync } from 'node:fs'

/** A flight as reported: any part may be missing or wrong until it was validated. */
export interface RawFlight {
  /** Local departure, `YYYY/MM/DD HH:MM`. */
  readonly date: string | null
  /** Minutes; negative: early. */
  readonly delay: number | null
  /** Miles. */
  readonly distance: number | null
  readonly origin: string | null
  readonly destination: string | null
}

export interface Airport {
  readonly iata: string
  readonly name: string
  readonly city: string
  readonly state: string
  readonly latitude: number
  readonly longitude: number
}

export interface Tables {
  readonly flights: readonly RawFlight[]
  readonly airports: ReadonlyMap<string, Airport>
}

let cached: Tables | undefined

export function tables(): Tables {
  cached ??= { flights: readFlights(), airports: readAirports() }
  return cached
}

function readFlights(): readonly RawFlight[] {
  return readJson('flights.json') as readonly RawFlight[]
}

function readAirports(): ReadonlyMap<string, Airport> {
  const airports = readJson('airports.json') as readonly Airport[]
  return new Map(airports.map((airport) => [airport.iata, airport]))
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../data/${file}`, import.meta.url), 'utf8'))
}
