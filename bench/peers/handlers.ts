/**
 * The handlers, the same for every competitor. Piscina loads this file itself; the raw workers
 * import it; the headgate package is written from `BUSY_SOURCE` and the same bodies.
 */

import { LONG_MS, SHORT_MS } from '../lib/mixed.ts'

/** Burns CPU for `ms` by the clock of the thread it runs on: no calibration to go stale. */
export function busy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

export async function echo(input: unknown): Promise<unknown> {
  return input
}

export async function short(input: unknown): Promise<unknown> {
  busy(SHORT_MS)
  return input
}

export async function long(input: unknown): Promise<unknown> {
  busy(LONG_MS)
  return input
}

export async function spin(input: { readonly ms: number }): Promise<unknown> {
  busy(input.ms)
  return input
}

export const handlers: Readonly<Record<string, (input: never) => Promise<unknown>>> = {
  echo,
  short,
  long,
  spin,
}
