/**
 * One entry of the HTTP interface: what Fastify serves and what /openapi.json says about it.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Clock } from '../base/clock.ts'
import { HeadgateError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { didYouMean } from '../base/nearest.ts'
import { printable } from '../domain/names.ts'
import type { Executor } from '../executor/api.ts'
import type { OperatorToken } from './operator-token.ts'

/** What the handlers share. */
export interface ServerContext {
  readonly executor: Executor
  readonly logger: Logger
  readonly clock: Clock
  /** Of headgate, for hello frames and the API document. */
  readonly version: string
  /** Bytes of a request body. */
  readonly maxPayloadBytes: number
  /** What routes with `needsToken` ask for. */
  readonly token: OperatorToken
  /** Bytes of a published archive. */
  readonly maxArchiveBytes: number
  /** True from the first moment of close(). */
  readonly isClosing: () => boolean
}

/** Names of the component schemas of /openapi.json. */
export type AnswerName =
  | 'Json'
  | 'Packages'
  | 'Package'
  | 'Why'
  | 'Receipts'
  | 'Control'
  | 'Executor'
  | 'Health'
  | 'Published'

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** As OpenAPI writes it: `/v1/tenants/{tenant}/…`. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly query: z.ZodObject
  readonly answer: AnswerName
  /** JSON text of a call or a promotion, or the bytes of an archive, read as a stream. */
  readonly body?: 'json' | 'promotion' | 'archive'
  /** It changes what is served: without the operator's token it is TOKEN_REFUSED. */
  readonly needsToken?: boolean
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => unknown
}

/** The query as its schema gives it; throws OPTION_INVALID naming the parameter. */
export function parseQuery<S extends z.ZodObject>(schema: S, query: unknown): z.infer<S> {
  const parsed = schema.safeParse(query)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  if (issue?.code === 'unrecognized_keys') {
    const unknown = issue.keys[0] ?? ''
    throw new HeadgateError('OPTION_INVALID', {
      option: printable(unknown),
      why: `it is not known here${didYouMean(unknown, Object.keys(schema.shape))}`,
    })
  }
  throw new HeadgateError('OPTION_INVALID', {
    option: String(issue?.path[0] ?? 'query'),
    why: issue?.message ?? 'not valid',
  })
}

/** A path parameter; the router guarantees its presence. */
export function pathParam(request: FastifyRequest, name: string): string {
  const params = request.params as Readonly<Record<string, string>>
  return params[name] ?? ''
}
