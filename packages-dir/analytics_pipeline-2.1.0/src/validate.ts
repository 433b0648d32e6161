/** validate_data: four rules, one after the other; each counts what it refused. */

import type { ExtractedFlight } from './extract.ts'

/** A flight that passed all rules: nothing of it is missing. */
export interface ValidFlight {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly origin_city: string
  readonly origin_state: string
  readonly destination: string
  readonly destination_city: string
}

export interface RuleCount {
  readonly rule: RuleName
  readonly checked: number
  readonly refused: number
}

export interface Validation {
  readonly valid_records: readonly ValidFlight[]
  readonly rules: readonly RuleCount[]
}

export type RuleName = 'null_check' | 'duplicate_removal' | 'format_validation' | 'business_rules'

const DEPARTURE = /^\d{4}\/(0[1-9]|1[0-2])\/(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d$/
const IATA = /^[A-Z]{3}$/
/** Reports outside are typing errors more often than flights. */
const PLAUSIBLE_DELAY = { from: -45, to: 360 } as const
/** Part by which the reported distance may differ from the great circle. */
const DISTANCE_TOLERANCE = 0.05

export function validateFlights(extracted: readonly ExtractedFlight[]): Validation {
  const rules: RuleCount[] = []
  const apply = (
    rule: RuleName,
    flights: readonly ExtractedFlight[],
    isRight: (flight: ExtractedFlight) => boolean,
  ): readonly ExtractedFlight[] => {
    const passed = flights.filter(isRight)
    rules.push({ rule, checked: flights.length, refused: flights.length - passed.length })
    return passed
  }
  const whole = apply('null_check', extracted, isWhole)
  const single = apply('duplicate_removal', whole, firstOfItsKind())
  const wellFormed = apply('format_validation', single, isWellFormed)
  const plausible = apply('business_rules', wellFormed, isPlausible)
  return { valid_records: plausible.map(toValid), rules }
}

function isWhole({ date, delay, distance, origin, destination }: ExtractedFlight): boolean {
  return [date, delay, distance, origin, destination].every((part) => part !== null)
}

function firstOfItsKind(): (flight: ExtractedFlight) => boolean {
  const seen = new Set<string>()
  return ({ date, origin, destination, delay }) => {
    const before = seen.size
    return seen.add(`${date} ${origin} ${destination} ${delay}`).size > before
  }
}

function isWellFormed({ date, delay, distance, origin, destination }: ExtractedFlight): boolean {
  return (
    DEPARTURE.test(date ?? '') &&
    IATA.test(origin ?? '') &&
    IATA.test(destination ?? '') &&
    Number.isInteger(delay) &&
    Number.isInteger(distance)
  )
}

function isPlausible({
  delay,
  distance,
  origin,
  destination,
  great_circle,
}: ExtractedFlight): boolean {
  if (delay === null || distance === null || great_circle === null) return false
  return (
    origin !== destination &&
    delay >= PLAUSIBLE_DELAY.from &&
    delay <= PLAUSIBLE_DELAY.to &&
    Math.abs(distance - great_circle) <= great_circle * DISTANCE_TOLERANCE
  )
}

function toValid(flight: ExtractedFlight): ValidFlight {
  return {
    date: flight.date ?? '',
    delay: flight.delay ?? 0,
    distance: flight.distance ?? 0,
    origin: flight.origin ?? '',
    origin_city: flight.origin_city ?? '',
    origin_state: flight.origin_state ?? '',
    destination: flight.destination ?? '',
    destination_city: flight.destination_city ?? '',
  }
}
