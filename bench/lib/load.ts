/**
 * Load generators.
 *
 * Owns: when a request is sent.
 * Does not own: what a request is and how its answer is judged: that is `send`.
 *
 * G1  a `send` that rejects stops the load; stop() then rejects with what it threw.
 * G2  stop() resolves only when every request that was sent has ended.
 */

/** `at`: the moment latency counts from, on the scale of performance.now(). */
export type Send = (index: number, at: number) => Promise<void>

export interface Load {
  /** Requests sent so far. */
  readonly sent: number
  /** Sends nothing more, waits for what is under way. */
  stop(): Promise<void>
}

/** Keeps `inFlight` requests under way: each answer brings the next request. */
export function closedLoop(inFlight: number, send: Send): Load {
  let sent = 0
  let running = true
  const client = async (): Promise<void> => {
    try {
      while (running) await send(sent++, performance.now())
    } finally {
      running = false
    }
  }
  const clients = Array.from({ length: inFlight }, client)
  const ended = settleAll(clients)
  ended.catch(() => {})
  return {
    get sent() {
      return sent
    },
    stop() {
      running = false
      return ended
    },
  }
}

/**
 * Sends at a fixed rate whatever the answers do. Requests are due on a grid of 1 ms; `at` is the
 * moment a request was due, not the moment it left, so a sender that stalls does not hide it.
 */
export function openLoop(perSecond: number, send: Send): Load {
  const began = performance.now()
  const underway = new Set<Promise<void>>()
  const faults: unknown[] = []
  let sent = 0
  let timer: NodeJS.Timeout | undefined

  const tick = (): void => {
    const grid = Math.floor(performance.now() - began)
    const due = Math.floor((grid * perSecond) / 1000)
    while (sent < due && faults.length === 0) {
      const index = sent++
      const at = began + Math.ceil(((index + 1) * 1000) / perSecond)
      const ended: Promise<void> = send(index, at).then(
        () => void underway.delete(ended),
        (fault: unknown) => {
          underway.delete(ended)
          faults.push(fault)
        },
      )
      underway.add(ended)
    }
    if (faults.length === 0) timer = setTimeout(tick, began + grid + 1 - performance.now())
  }
  tick()

  return {
    get sent() {
      return sent
    },
    async stop() {
      clearTimeout(timer)
      await Promise.all(underway)
      if (faults.length > 0) throw faults[0]
    },
  }
}

/** Waits for all, then throws the first fault. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
