/**
 * The requests that are not answered yet, and how long a shutdown waits for each.
 *
 * O1  No client holds a shutdown up: the connection of a request that has not arrived whole
 *     CUT_AFTER_MS after it began is cut, and so is one whose answer is written and has not been taken
 *     for UNREAD_AFTER_MS. A call that runs is waited for.
 */

import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'

const CUT_AFTER_MS = 2_000
/** An answer that nobody reads is a client that was stopped: `curl … | less`. */
const UNREAD_AFTER_MS = 5_000
const LOOK_EVERY_MS = 500

export class OpenRequests {
  readonly #open = new Set<ServerResponse>()
  readonly #clock: Clock
  #onClosed: (() => void) | undefined
  #endsConnections = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(response: ServerResponse): void {
    if (this.#endsConnections) response.setHeader('connection', 'close')
    this.#open.add(response)
    response.once('close', () => {
      this.#open.delete(response)
      this.#onClosed?.()
    })
  }

  isOpenOn(socket: Duplex): boolean {
    for (const response of this.#open) if (response.socket === socket) return true
    return false
  }

  /** Every answer that has not begun is the last of its connection. */
  endConnections(): void {
    this.#endsConnections = true
    for (const response of this.#open) {
      if (!response.headersSent) response.setHeader('connection', 'close')
    }
  }

  /**
   * Resolves when all are answered or cut (O1). `closeIdle` is called when no connection holds an
   * answer that is not taken yet, as Node counts such a connection among the idle ones.
   */
  async drain(closeIdle: () => void): Promise<void> {
    const closeIdleNow = (): void => {
      for (const { writableEnded } of this.#open) if (writableEnded) return
      closeIdle()
    }
    closeIdleNow()
    if (this.#open.size === 0) return
    const began = this.#clock.monotonic()
    /** When an answer was first seen written whole. */
    const writtenAt = new Map<ServerResponse, number>()
    const look = (): void => {
      const now = this.#clock.monotonic()
      for (const response of this.#open) {
        const { writableEnded, req } = response
        if (writableEnded && !writtenAt.has(response)) writtenAt.set(response, now)
        const isHalf = !req.complete && now - began >= CUT_AFTER_MS
        const isUnread = now - (writtenAt.get(response) ?? now) >= UNREAD_AFTER_MS
        if (isHalf || isUnread) req.socket.destroy()
      }
      timer = this.#clock.after(LOOK_EVERY_MS, look)
    }
    let timer = this.#clock.after(LOOK_EVERY_MS, look)
    await new Promise<void>((resolve) => {
      this.#onClosed = () => {
        closeIdleNow()
        if (this.#open.size === 0) resolve()
      }
    })
    this.#onClosed = undefined
    timer.cancel()
  }
}
