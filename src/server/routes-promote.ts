/**
 * Promoting over HTTP: an operator's wish to route to a version that is in the folder.
 */

import type { FastifyRequest } from 'fastify'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { printable } from '../domain/names.ts'
import { emptyQuerySchema, promotionBodySchema } from '../protocol/http.ts'
import type { PackageRow } from '../protocol/status.ts'
import { type HttpRoute, parseQuery, pathParam, type ServerContext } from './http-route.ts'
import { packageOf } from './routes-read.ts'

export function promoteRoutes(context: ServerContext): readonly HttpRoute[] {
  return [
    {
      method: 'POST',
      path: '/v1/tenants/{tenant}/packages/{package}/promote',
      operationId: 'promoteVersion',
      summary:
        'Routes to a version that is in the folder, and answers when it serves; an older one holds the newer ones',
      query: emptyQuerySchema,
      answer: 'Package',
      body: 'promotion',
      needsToken: true,
      handle: (request) => promote(context, request),
    },
  ]
}

async function promote(context: ServerContext, request: FastifyRequest): Promise<PackageRow> {
  parseQuery(emptyQuerySchema, request.query)
  const { version } = parseBody(request.body)
  const { tenant, package: name } = packageOf(
    context,
    pathParam(request, 'tenant'),
    pathParam(request, 'package'),
  )
  await context.executor.promote({ tenant, package: name, version, actor: 'http' })
  return packageOf(context, tenant, name)
}

function parseBody(body: unknown): { readonly version: string } {
  let value: unknown
  try {
    value = JSON.parse(typeof body === 'string' ? body : '')
  } catch (error) {
    throw new HeadgateError('HTTP_BODY_INVALID', { why: messageOf(error) })
  }
  const parsed = promotionBodySchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue?.path.join('.') || 'body'
  throw new HeadgateError('HTTP_BODY_INVALID', {
    why: `${where}: ${printable(issue?.message ?? 'not valid')}`,
  })
}
