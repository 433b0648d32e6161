/**
 * Invokes over HTTP. The body goes to the worker and the result to the client as text; neither is
 * parsed on the main thread.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import semver from 'semver'
import { HeadgateError } from '../base/errors.ts'
import { checkName, printable } from '../domain/names.ts'
import { formatNamespace } from '../domain/namespace.ts'
import type { InvokeOptions } from '../executor/api.ts'
import { invokeQuerySchema } from '../protocol/http.ts'
import { EPOCH_HEADER, GENERATION_HEADER, VERSION_HEADER } from '../protocol/invoke-headers.ts'
import { type HttpRoute, parseQuery, pathParam, type ServerContext } from './http-route.ts'

const WORKFLOW = '/v1/tenants/{tenant}/packages/{package}/workflows/{workflow}'

export function invokeRoutes(context: ServerContext): readonly HttpRoute[] {
  const handle = (request: FastifyRequest, reply: FastifyReply): Promise<string> =>
    invoke(context, request, reply)
  return [
    {
      method: 'POST',
      path: `${WORKFLOW}/invoke`,
      operationId: 'invokeWorkflow',
      summary: 'Calls a workflow with its input and answers the outputs of its last tasks',
      query: invokeQuerySchema,
      answer: 'Json',
      body: 'json',
      handle,
    },
    {
      method: 'POST',
      path: `${WORKFLOW}/tasks/{task}/invoke`,
      operationId: 'invokeTask',
      summary: 'Calls one task with {input?, deps?} and answers its output',
      query: invokeQuerySchema,
      answer: 'Json',
      body: 'json',
      handle,
    },
  ]
}

async function invoke(
  { executor }: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  const task = pathParam(request, 'task')
  const namespace = formatNamespace({
    tenant: checkName('tenant', pathParam(request, 'tenant')),
    package: checkName('package', pathParam(request, 'package')),
    workflow: checkName('workflow', pathParam(request, 'workflow')),
    task: task === '' ? null : checkName('task', task),
  })
  // An empty text is the executor's word for no input.
  const body = typeof request.body === 'string' ? request.body : ''
  const cancel = new AbortController()
  const onClose = (): void => {
    if (!reply.raw.writableEnded) {
      cancel.abort(new HeadgateError('TASK_ABORTED', { why: 'the client went away' }))
    }
  }
  reply.raw.once('close', onClose)
  try {
    const options = invokeOptions(request.query, cancel.signal)
    const answer = await executor.invokeJson(namespace, body, options)
    reply.header('content-type', 'application/json; charset=utf-8')
    reply.header(VERSION_HEADER, answer.version)
    reply.header(GENERATION_HEADER, answer.generation)
    reply.header(EPOCH_HEADER, answer.epoch)
    return answer.json
  } finally {
    reply.raw.off('close', onClose)
  }
}

function invokeOptions(query: unknown, signal: AbortSignal): InvokeOptions {
  const { version, generation } = parseQuery(invokeQuerySchema, query)
  if (version !== undefined && semver.validRange(version) === null) {
    throw new HeadgateError('OPTION_INVALID', {
      option: 'version',
      why: `${printable(version)} is neither an exact version nor a range such as ^1.2.0`,
    })
  }
  return {
    signal,
    ...(version === undefined ? {} : { version }),
    ...(generation === undefined ? {} : { generation }),
  }
}
