/** segment_customers: recency, frequency and amount of each customer, and the segment they make. */

import { type Customer, type Order, type Tables, tables } from './tables.ts'

export const SEGMENTS = ['high_value', 'medium_value', 'new_customers', 'at_risk'] as const

export type SegmentName = (typeof SEGMENTS)[number]

export interface Member {
  readonly customer_id: string
  readonly first_name: string
  readonly city: string
  /** Days since the newest order. */
  readonly recency: number
  /** Number of orders. */
  readonly frequency: number
  /** Euros in all. */
  readonly amount: number
  /** 1 (worst fifth) to 5 of recency, frequency and amount, for instance `545`. */
  readonly score: string
}

export interface Segment {
  readonly name: SegmentName
  readonly count: number
  /** Highest amount first. */
  readonly members: readonly Member[]
}

export interface Segmentation {
  readonly customer_segments: readonly Segment[]
  readonly today: string
}

interface Facts {
  readonly customer: Customer
  readonly recency: number
  readonly age: number
  readonly frequency: number
  readonly amount: number
}

const DAY_MS = 86_400_000
/** Days since the first order in which a customer counts as new. */
const NEW_FOR_DAYS = 60

/** Every customer who had ordered by `today` is in exactly one segment. */
export function segmentCustomers(today: string | null, source: Tables = tables()): Segmentation {
  const day = today ?? source.lastDay
  const facts = source.customers.flatMap((customer) => factsOf(customer, day))
  const recency = fifths(facts.map((fact) => -fact.recency))
  const frequency = fifths(facts.map((fact) => fact.frequency))
  const amount = fifths(facts.map((fact) => fact.amount))
  const members: Record<SegmentName, Member[]> = {
    high_value: [],
    medium_value: [],
    new_customers: [],
    at_risk: [],
  }
  for (const fact of facts) {
    const scores = {
      recency: recency(-fact.recency),
      frequency: frequency(fact.frequency),
      amount: amount(fact.amount),
    }
    members[segmentOf(fact.age, scores)].push(memberOf(fact, scores))
  }
  const customer_segments = SEGMENTS.map((name) => ({
    name,
    count: members[name].length,
    members: members[name].sort(byAmount),
  }))
  return { customer_segments, today: day }
}

interface Scores {
  readonly recency: number
  readonly frequency: number
  readonly amount: number
}

function segmentOf(age: number, { recency, frequency, amount }: Scores): SegmentName {
  if (age <= NEW_FOR_DAYS) return 'new_customers'
  // Who was worth something and stays away is worth more effort than who never was.
  if (recency <= 2 && frequency + amount >= 5) return 'at_risk'
  return recency >= 3 && frequency + amount >= 8 ? 'high_value' : 'medium_value'
}

function factsOf(customer: Customer, today: string): readonly Facts[] {
  const orders = customer.orders.filter((order) => order.day <= today)
  const [first, last] = [orders[0], orders.at(-1)]
  if (first === undefined || last === undefined) return []
  return [
    {
      customer,
      recency: daysBetween(last.day, today),
      age: daysBetween(first.day, today),
      frequency: orders.length,
      amount: sum(orders),
    },
  ]
}

function memberOf({ customer, recency, frequency, amount }: Facts, scores: Scores): Member {
  return {
    customer_id: customer.id,
    first_name: customer.firstName,
    city: customer.city,
    recency,
    frequency,
    amount,
    score: `${scores.recency}${scores.frequency}${scores.amount}`,
  }
}

/** Scores a value by the share of values below it; equal values score the same. */
function fifths(values: readonly number[]): (value: number) => number {
  const sorted = [...values].sort((a, b) => a - b)
  const scores = new Map<number, number>()
  for (const [below, value] of sorted.entries()) {
    if (!scores.has(value)) scores.set(value, 1 + Math.floor((below * 5) / sorted.length))
  }
  return (value) => scores.get(value) ?? 1
}

function byAmount(a: Member, b: Member): number {
  return b.amount - a.amount || (a.customer_id < b.customer_id ? -1 : 1)
}

function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS)
}

function sum(orders: readonly Order[]): number {
  return Math.round(orders.reduce((total, order) => total + order.amount, 0) * 100) / 100
}
