/** Waits for what announces itself by no event: looks once per turn of the event loop. */

import { setImmediate } from 'node:timers/promises'

export async function until(
  condition: () => boolean,
  what: string,
  withinMs = 10_000,
): Promise<void> {
  const end = Date.now() + withinMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await setImmediate()
  }
}
