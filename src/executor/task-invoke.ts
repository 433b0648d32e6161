/** `ctx.invoke`: a task calls a workflow or task, of its own tenant only. */

import { HeadgateError, toHeadgateError } from '../base/errors.ts'
import { parseNamespace } from '../domain/namespace.ts'
import type { Invoker } from '../engine/invoker.ts'
import type { Generation } from '../generation/generation.ts'
import type { Lane } from '../generation/lane.ts'
import type { WorkerMessage } from '../protocol/lane-messages.ts'

export function answerTask(
  invoker: Invoker,
  generation: Generation,
  lane: Lane,
  message: Extract<WorkerMessage, { type: 'invoke' }>,
): void {
  const { call, namespace, body, version } = message
  const failed = ({ code, message: text }: HeadgateError): void =>
    lane.post({ type: 'invokeResult', call, json: null, error: { code, message: text } })
  try {
    const { tenant, package: name } = parseNamespace(namespace)
    if (tenant !== generation.tenant) {
      throw new HeadgateError('UNKNOWN_PACKAGE', { tenant, package: name, nearest: '' })
    }
  } catch (error) {
    failed(toHeadgateError(error))
    return
  }
  invoker.call(namespace, body, version === null ? {} : { version }, {
    ok: (json) => lane.post({ type: 'invokeResult', call, json, error: null }),
    failed,
  })
}
