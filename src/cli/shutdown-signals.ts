/**
 * The signals that ask a command to end: the first asks, the second insists. SIGHUP comes when the
 * terminal is closed.
 */

import type { Clock } from '../base/clock.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export type ShutdownSignal = (typeof SIGNALS)[number]

export interface ShutdownSignals {
  readonly first: Promise<ShutdownSignal>
  readonly second: Promise<ShutdownSignal>
  /** Gives the signals back to Node's default. */
  release(): void
}

/**
 * A terminal sends Ctrl-C to the whole process group, and npm and the bin's shim pass on what they
 * got: one key stroke arrives as several signals.
 */
const SAME_STROKE_MS = 300

export function shutdownSignals(clock: Clock): ShutdownSignals {
  const first = Promise.withResolvers<ShutdownSignal>()
  const second = Promise.withResolvers<ShutdownSignal>()
  let firstAt: number | null = null
  const onSignal = (signal: ShutdownSignal): void => {
    const now = clock.monotonic()
    if (firstAt === null) {
      firstAt = now
      first.resolve(signal)
    } else if (now - firstAt > SAME_STROKE_MS) second.resolve(signal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    first: first.promise,
    second: second.promise,
    release: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    },
  }
}
