/** The package's tables, read once in each worker thread. */

import { readFileSync } from 'node:fs'
import { parseCsv } from './csv.ts'

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
  return rowsOf('flights.csv').map(
    ([date = '', delay = '', distance = '', origin = '', destination = '']) => ({
      date,
      delay: Number(delay),
      distance: Number(distance),
      origin,
      destination,
    }),
  )
}

function readAirports(): ReadonlyMap<string, Airport> {
  return new Map(
    rowsOf('airports.csv').map(
      ([iata = '', name = '', city = '', state = '', , latitude = '', longitude = '']) => [
        iata,
        { iata, name, city, state, latitude: Number(latitude), longitude: Number(longitude) },
      ],
    ),
  )
}

/** Without the line of headings. */
function rowsOf(file: string): readonly (readonly string[])[] {
  const text = readFileSync(new URL(`../data/${file}`, import.meta.url), 'utf8')
  return parseCsv(text).slice(1)
}
