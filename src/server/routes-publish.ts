/**
 * Publishing over HTTP: the body goes to the executor part by part.
 */

import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HeadgateError } from '../base/errors.ts'
import { printable } from '../domain/names.ts'
import { CONTENT_DIGEST_HEADER, parseContentDigest } from '../protocol/content-digest.ts'
import { emptyQuerySchema, type PublishedAnswer } from '../protocol/http.ts'
import { type HttpRoute, parseQuery, pathParam, type ServerContext } from './http-route.ts'

/** Media types of an archive. */
export const ARCHIVE_TYPES = ['application/gzip', 'application/octet-stream'] as const

export function publishRoutes(context: ServerContext): readonly HttpRoute[] {
  return [
    {
      method: 'PUT',
      path: '/v1/tenants/{tenant}/packages/{package}/versions/{version}',
      operationId: 'publishVersion',
      summary:
        'Puts a packed version into the packages folder; the same bytes again change nothing',
      query: emptyQuerySchema,
      answer: 'Published',
      body: 'archive',
      needsToken: true,
      handle: (request, reply) => publish(context, request, reply),
    },
  ]
}

async function publish(
  { executor, maxArchiveBytes }: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<PublishedAnswer> {
  parseQuery(emptyQuerySchema, request.query)
  const length = Number(request.headers['content-length'] ?? 0)
  if (length > maxArchiveBytes) {
    throw new HeadgateError('PAYLOAD_TOO_LARGE', { bytes: length, limit: maxArchiveBytes })
  }
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    const why = `content-encoding ${printable(encoding)} is not supported`
    throw new HeadgateError('HTTP_BODY_INVALID', { why })
  }
  const sha256 = parseContentDigest(String(request.headers[CONTENT_DIGEST_HEADER] ?? ''))
  if (sha256 === null) throw new HeadgateError('DIGEST_MISSING')
  if (!(request.body instanceof Readable)) {
    throw new HeadgateError('HTTP_BODY_INVALID', { why: 'there is none' })
  }
  const published = await executor.publish({
    tenant: pathParam(request, 'tenant'),
    package: pathParam(request, 'package'),
    version: pathParam(request, 'version'),
    // A refusal is still to be answered on the connection that the rest of the body comes on.
    archive: request.body.iterator({ destroyOnReturn: false }),
    sha256,
    maxBytes: maxArchiveBytes,
  })
  reply.code(published.outcome === 'created' ? 201 : 200)
  return published
}
