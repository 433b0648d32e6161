/**
 * The Fastify instance: parsing, routes, errors. Listening and closing are start-server.ts.
 */

import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { HeadgateError } from '../base/errors.ts'
import { printable } from '../domain/names.ts'
import { emptyQuerySchema } from '../protocol/http.ts'
import { toProblem } from '../protocol/problem-record.ts'
import type { HttpRoute, ServerContext } from './http-route.ts'
import { openApiDocument } from './openapi.ts'
import { problemHeaders, publicError, refuseAndClose } from './problem-reply.ts'
import { invokeRoutes } from './routes-invoke.ts'
import { promoteRoutes } from './routes-promote.ts'
import { ARCHIVE_TYPES, publishRoutes } from './routes-publish.ts'
import { readRoutes } from './routes-read.ts'

/** Longer than any name with its scope, encoded: what is longer is still told NAME_INVALID. */
const MAX_PARAM_LENGTH = 4_096

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void

export interface HttpTransport {
  readonly createServer: (handler: HttpHandler) => Server
  /** Bytes that are no request, or a request that did not come in time. */
  readonly onMalformed: (error: Error & { readonly code?: string }, socket: Socket) => void
}

export function buildHttpApp(context: ServerContext, transport: HttpTransport): FastifyInstance {
  const app = Fastify({
    serverFactory: (handler) => transport.createServer(handler),
    clientErrorHandler: (error, socket) => transport.onMalformed(error, socket),
    bodyLimit: context.maxPayloadBytes,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => onError(context, error, request, reply),
  })
  addJsonParser(app)
  app.setErrorHandler<FastifyError>((error, request, reply) =>
    onError(context, error, request, reply),
  )
  app.setNotFoundHandler((request) => {
    throw new HeadgateError('HTTP_NOT_FOUND', { path: printable(pathOf(request)) })
  })
  addRoutes(app, context, allRoutes(context))
  return app
}

function allRoutes(context: ServerContext): readonly HttpRoute[] {
  let document: string | undefined
  const described: HttpRoute[] = [
    ...invokeRoutes(context),
    ...readRoutes(context),
    ...publishRoutes(context),
    ...promoteRoutes(context),
  ]
  described.push({
    method: 'GET',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    summary: 'This document',
    query: emptyQuerySchema,
    answer: 'Json',
    handle: (_request, reply) => {
      document ??= JSON.stringify(openApiDocument(described, context.version))
      reply.header('content-type', 'application/json; charset=utf-8')
      return document
    },
  })
  return described
}

function addRoutes(
  app: FastifyInstance,
  context: ServerContext,
  routes: readonly HttpRoute[],
): void {
  for (const route of routes) {
    const url = route.path.replace(/\{(\w+)\}/g, ':$1')
    const served = {
      method: route.method,
      url,
      handler: (request: FastifyRequest, reply: FastifyReply) => route.handle(request, reply),
      // Before the body is looked at.
      ...(route.needsToken === true
        ? {
            onRequest: async (request: FastifyRequest) => {
              context.token.check(request.headers.authorization)
            },
          }
        : {}),
    }
    if (route.body === 'archive') {
      // In a scope of its own, because media types are a scope's: nothing else takes bytes.
      app.register(async (scope) => {
        scope.removeAllContentTypeParsers()
        scope.addContentTypeParser([...ARCHIVE_TYPES], (_request, body, done) => done(null, body))
        scope.route(served)
      })
    } else app.route(served)
    // Before the body is looked at: the method alone is wrong.
    app.route({
      method: METHODS.filter((method) => method !== route.method),
      url,
      onRequest: async (request) => {
        throw new HeadgateError('HTTP_METHOD', {
          method: request.method,
          path: printable(pathOf(request)),
          allowed: route.method === 'GET' ? ['GET', 'HEAD'] : [route.method],
        })
      },
      handler: async () => undefined,
      exposeHeadRoute: false,
    })
  }
}

/** JSON bodies stay text; only their encoding is checked. */
function addJsonParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      const type = request.headers['content-type'] ?? ''
      const charset = /charset\s*=\s*"?([^\s";]+)/i.exec(type)?.[1]
      const encoding = request.headers['content-encoding'] ?? 'identity'
      if (charset !== undefined && charset.toLowerCase() !== 'utf-8') {
        const found = printable(type)
        done(new HeadgateError('HTTP_CONTENT_TYPE', { found, wanted: 'application/json' }))
      } else if (encoding !== 'identity') {
        const why = `content-encoding ${printable(encoding)} is not supported`
        done(new HeadgateError('HTTP_BODY_INVALID', { why }))
      } else if (!isUtf8(body)) {
        done(new HeadgateError('INPUT_NOT_JSON', { why: 'it is not UTF-8 text' }))
      } else {
        done(null, body.toString('utf8'))
      }
    },
  )
}

function onError(
  context: ServerContext,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const known = frameworkError(thrown, request, context.maxPayloadBytes) ?? thrown
  const error = publicError(known, context.logger, `${request.method} ${request.routeOptions.url}`)
  const mayBeLarge = error.code === 'PAYLOAD_TOO_LARGE' || request.method === 'PUT'
  if (mayBeLarge && !request.raw.complete) {
    reply.hijack()
    refuseAndClose(context.clock, request.raw, reply.raw, error)
    return
  }
  const problem = toProblem(error.toRecord())
  // Bytes, because Fastify would add a charset to a JSON media type given as text.
  reply
    .code(problem.status)
    .headers(problemHeaders(problem))
    .send(Buffer.from(JSON.stringify(problem)))
}

/** What Fastify itself refuses, in our codes; undefined: not one of its refusals. */
function frameworkError(
  thrown: unknown,
  request: FastifyRequest,
  limit: number,
): HeadgateError | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HeadgateError('PAYLOAD_TOO_LARGE', {
        bytes: request.headers['content-length'] ?? `more than ${limit}`,
        limit,
      })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HeadgateError('HTTP_CONTENT_TYPE', {
        found: printable(request.headers['content-type'] ?? ''),
        wanted: request.method === 'PUT' ? ARCHIVE_TYPES[0] : 'application/json',
      })
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
      return new HeadgateError('HTTP_BODY_INVALID', { why: 'it ended before its length' })
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HeadgateError('HTTP_NOT_FOUND', { path: printable(pathOf(request)) })
    default:
      return undefined
  }
}

function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? ''
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
