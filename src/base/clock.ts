/**
 * Time, injected. The only file of headgate that touches timers.
 *
 * Durations are milliseconds. Deadlines use `monotonic`, records for people use `now`.
 */

export interface Timer {
  /** Takes the call back; does nothing when it has happened. */
  cancel(): void
}

export interface Clock {
  /** Wall time, milliseconds since 1970, with fractions; the same scale in every thread. */
  now(): number
  /** Milliseconds that never go back; comparable within one thread only. */
  monotonic(): number
  /**
   * Calls `fn` once after `ms`. The timer keeps the process alive only with `keepAlive`.
   */
  after(ms: number, fn: () => void, options?: { keepAlive?: boolean }): Timer
}

/** setTimeout holds 32 bits of milliseconds; a longer wait is taken in steps. */
const LONGEST_TIMEOUT = 2_147_483_647

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  monotonic: () => performance.now(),
  after(ms, fn, options) {
    let handle: NodeJS.Timeout
    const arm = (left: number): void => {
      const step = Math.min(Math.max(left, 0), LONGEST_TIMEOUT)
      handle = setTimeout(() => (left > step ? arm(left - step) : fn()), step)
      if (options?.keepAlive !== true) handle.unref()
    }
    arm(ms)
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.after(
      ms,
      () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      },
      { keepAlive: true },
    )
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
