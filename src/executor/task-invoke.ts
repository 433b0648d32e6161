/**
 * `ctx.invoke`: a task calls a workflow or task, of its own tenant only.
 *
 * I1  The call belongs to the call of the task: it is one deeper, has its place in the order of
 *     service, and ends when that one is ended or has ended.
 */

import { HeadgateError, toHeadgateError } from '../base/errors.ts'
import { parseNamespace } from '../domain/namespace.ts'
import { unknownPackage } from '../domain/unknown-package.ts'
import type { Invoker } from '../engine/invoker.ts'
import type { Settle } from '../engine/surroundings.ts'
import type { Generation } from '../generation/generation.ts'
import type { Lane } from '../generation/lane.ts'
import type { WorkerMessage } from '../protocol/lane-messages.ts'

export function answerTask(
  invoker: Invoker,
  generation: Generation,
  lane: Lane,
  message: Extract<WorkerMessage, { type: 'invoke' }>,
): void {
  const { slot, id, call, namespace, body, version } = message
  const fail = (error: HeadgateError): void =>
    lane.post({ type: 'invokeResult', call, json: null, error: error.toRecord() })
  try {
    const { tenant, package: name } = parseNamespace(namespace)
    if (tenant !== generation.tenant) throw unknownPackage({ tenant, package: name })
  } catch (error) {
    fail(toHeadgateError(error))
    return
  }
  const nested = lane.nest(slot, id)
  if (nested === undefined) {
    fail(new HeadgateError('TASK_ABORTED', { why: 'the task that called has ended' }))
    return
  }
  const { signal, parent } = nested
  const selection = version === null ? { signal } : { signal, version }
  const settle: Settle = {
    ok: (json) => {
      lane.unnest(nested)
      lane.post({ type: 'invokeResult', call, json, error: null })
    },
    failed: (error) => {
      lane.unnest(nested)
      fail(error)
    },
  }
  invoker.call(namespace, body, selection, settle, parent)
}
