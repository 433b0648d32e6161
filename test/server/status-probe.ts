/** A client of the status stream that keeps and checks every frame. */

import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { type ServerFrame, serverFrameSchema } from '../../src/protocol/status-stream.ts'
import { STATUS_PATH, STATUS_PROTOCOL } from '../../src/protocol/topics.ts'

export type FrameOf<K extends ServerFrame['type']> = Extract<ServerFrame, { type: K }>

export class StatusProbe {
  readonly socket: WebSocket
  readonly frames: ServerFrame[] = []
  /** Code and reason of the close. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly #waiting = new Set<() => void>()
  #seen = 0

  constructor(t: Test, port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${STATUS_PATH}`, STATUS_PROTOCOL)
    t.teardown(() => this.socket.terminate())
    this.socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    this.socket.on('message', (data: Buffer) => {
      this.frames.push(serverFrameSchema.parse(JSON.parse(data.toString())))
      for (const check of this.#waiting) check()
    })
  }

  /** The next frame of that type, in order; frames of other types in between are passed over. */
  next<K extends ServerFrame['type']>(type: K, id?: string): Promise<FrameOf<K>> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        while (this.#seen < this.frames.length) {
          const frame = this.frames[this.#seen]
          this.#seen += 1
          if (frame?.type !== type || (id !== undefined && 'id' in frame && frame.id !== id))
            continue
          this.#waiting.delete(check)
          resolve(frame as FrameOf<K>)
          return
        }
      }
      this.#waiting.add(check)
      void this.closed.then(({ code, reason }) =>
        reject(new Error(`closed with ${code} ${reason} before ${type}`)),
      )
      check()
    })
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  async subscribe(id: string, topic: string, more: object = {}): Promise<FrameOf<'snapshot'>> {
    this.send({ type: 'subscribe', id, topic, ...more })
    return this.next('snapshot', id)
  }
}

/** A probe that has been greeted. */
export async function probe(t: Test, port: number): Promise<StatusProbe> {
  const client = new StatusProbe(t, port)
  await client.next('hello')
  return client
}
