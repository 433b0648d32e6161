/** The package's tables, read once in each worker thread at the first use. */

import { readFileSync } from 'node:fs'

export interface Order {
  /** `YYYY-MM-DD`. */
  readonly day: string
  /** Euros. */
  readonly amount: number
}

export interface Customer {
  readonly id: string
  readonly firstName: string
  readonly city: string
  /** Oldest first. */
  readonly orders: readonly Order[]
}

export interface Tables {
  readonly customers: readonly Customer[]
  /** Day of the newest order. */
  readonly lastDay: string
}

let cached: Tables | undefined

export function tables(): Tables {
  cached ??= read()
  return cached
}

function read(): Tables {
  const orders = new Map<string, Order[]>()
  let lastDay = ''
  for (const [, day = '', customer = '', amount = ''] of rowsOf('orders.csv')) {
    const own = orders.get(customer) ?? []
    orders.set(customer, own)
    own.push({ day, amount: Number(amount) })
    if (day > lastDay) lastDay = day
  }
  const customers = rowsOf('customers.csv').map(([id = '', firstName = '', city = '']) => ({
    id,
    firstName,
    city,
    orders: orders.get(id) ?? [],
  }))
  return { customers, lastDay }
}

/** Without the line of headings. No cell of these files holds a comma. */
function rowsOf(file: string): readonly (readonly string[])[] {
  const text = readFileSync(new URL(`../data/${file}`, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
}
