/** The calls that the tasks of this thread make by `ctx.invoke`, until their answers come. */

import { HeadgateError } from '../../base/errors.ts'
import { answer } from '../../hosting/answer.ts'
import { bodyText } from '../../hosting/body.ts'
import type { CallSurroundings } from '../../hosting/context.ts'
import type { MainMessage } from '../../protocol/lane-messages.ts'
import type { LanePort } from './lane-port.ts'

interface Waiting {
  readonly namespace: string
  readonly resolve: (value: unknown) => void
  readonly reject: (error: HeadgateError) => void
}

export class OutgoingCalls {
  readonly #port: LanePort
  readonly #waiting = new Map<number, Waiting>()
  readonly #maxPayloadBytes: number
  #last = 0

  constructor(port: LanePort, maxPayloadBytes: number) {
    this.#port = port
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /** What a task gives may be anything. Rejects with what a library caller is refused with. */
  readonly begin: CallSurroundings['invoke'] = (slot, id, to, input, wanted) =>
    new Promise((resolve, reject) => {
      const namespace = String(to)
      const version = wanted === null ? null : String(wanted)
      const body = bodyText(input, this.#maxPayloadBytes)
      const call = ++this.#last
      this.#port.send({ type: 'invoke', slot, id, call, namespace, body, version })
      this.#waiting.set(call, { namespace, resolve, reject })
    })

  ended({ call, json, error }: Extract<MainMessage, { type: 'invokeResult' }>): void {
    const waiting = this.#waiting.get(call)
    if (waiting === undefined) return
    this.#waiting.delete(call)
    if (error !== null) waiting.reject(HeadgateError.fromRecord(error))
    else answer(json ?? 'null', waiting.namespace, waiting.resolve, waiting.reject)
  }
}
