/**
 * OpenAPI 3.1 of the HTTP interface, made from the route table and the zod schemas.
 */

import { z } from 'zod'
import { CONTENT_DIGEST_HEADER } from '../protocol/content-digest.ts'
import {
  controlAnswerSchema,
  healthAnswerSchema,
  packagesAnswerSchema,
  promotionBodySchema,
  publishedAnswerSchema,
  receiptsAnswerSchema,
} from '../protocol/http.ts'
import { EPOCH_HEADER, GENERATION_HEADER, VERSION_HEADER } from '../protocol/invoke-headers.ts'
import { PROBLEM_MEDIA_TYPE, problemSchema } from '../protocol/problem.ts'
import {
  controlEntrySchema,
  errorRecordSchema,
  executorRowSchema,
  generationRowSchema,
  packageRowSchema,
  refusalRowSchema,
  swapReceiptSchema,
  workflowRowSchema,
} from '../protocol/status.ts'
import { explainedVersionSchema, whyAnswerSchema } from '../protocol/why.ts'
import type { HttpRoute } from './http-route.ts'
import { ARCHIVE_TYPES } from './routes-publish.ts'

const COMPONENTS: Readonly<Record<string, z.ZodType>> = {
  Packages: packagesAnswerSchema,
  Package: packageRowSchema,
  Generation: generationRowSchema,
  Workflow: workflowRowSchema,
  Refusal: refusalRowSchema,
  Why: whyAnswerSchema,
  ExplainedVersion: explainedVersionSchema,
  ErrorRecord: errorRecordSchema,
  Receipts: receiptsAnswerSchema,
  Receipt: swapReceiptSchema,
  Control: controlAnswerSchema,
  ControlEntry: controlEntrySchema,
  Executor: executorRowSchema,
  Health: healthAnswerSchema,
  Published: publishedAnswerSchema,
  Promotion: promotionBodySchema,
  Problem: problemSchema,
}

const TOKEN_SCHEME = 'token'

/** A JSON document; its shape is OpenAPI's own. */
export type OpenApiDocument = Readonly<Record<string, unknown>>

export function openApiDocument(routes: readonly HttpRoute[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = (paths[route.path] ??= {})
    path[route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'headgate',
      version,
      description: 'Runs packaged workflows and swaps their versions under load.',
    },
    paths,
    components: {
      schemas: { ...componentSchemas(), Json: {} },
      securitySchemes: { [TOKEN_SCHEME]: tokenScheme() },
    },
  }
}

function operationOf(route: HttpRoute): Record<string, unknown> {
  const done = (description: string): Record<string, unknown> => ({
    description,
    ...(route.body === 'json' ? { headers: invokeHeaders() } : {}),
    content: {
      'application/json': { schema: { $ref: `#/components/schemas/${route.answer}` } },
    },
  })
  return {
    operationId: route.operationId,
    summary: route.summary,
    parameters: [
      ...pathParameters(route.path),
      ...queryParameters(route.query),
      ...(route.body === 'archive' ? [digestParameter()] : []),
    ],
    ...(route.needsToken === true ? { security: [{ [TOKEN_SCHEME]: [] }] } : {}),
    ...bodyOf(route),
    responses: {
      200: done(route.body === 'archive' ? 'The same version was there already' : 'Done'),
      ...(route.body === 'archive' ? { 201: done('Put into the packages folder') } : {}),
      default: {
        description: 'Refused or failed; `code` says why',
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

function bodyOf({ body }: HttpRoute): Record<string, unknown> {
  switch (body) {
    case undefined:
      return {}
    case 'json':
      return { requestBody: { required: false, content: { 'application/json': { schema: {} } } } }
    case 'promotion': {
      const schema = { $ref: '#/components/schemas/Promotion' }
      return { requestBody: { required: true, content: { 'application/json': { schema } } } }
    }
    case 'archive': {
      const content = Object.fromEntries(ARCHIVE_TYPES.map((type) => [type, {}]))
      return { requestBody: { required: true, description: 'A .tgz', content } }
    }
    default:
      return body satisfies never
  }
}

function tokenScheme(): Record<string, unknown> {
  const description =
    'Of this start of the executor, from endpoint.json in its data dir. Other calls need none.'
  return { type: 'http', scheme: 'bearer', description }
}

function digestParameter(): Record<string, unknown> {
  const description = 'RFC 9530, of the body: sha-256=:<base64>:'
  const schema = { type: 'string' }
  return { name: CONTENT_DIGEST_HEADER, in: 'header', required: true, description, schema }
}

function pathParameters(path: string): Record<string, unknown>[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters(query: z.ZodObject): Record<string, unknown>[] {
  const schema = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' })
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: false,
    schema: property,
  }))
}

function invokeHeaders(): Record<string, unknown> {
  const header = (description: string, type: string): unknown => ({ description, schema: { type } })
  return {
    [VERSION_HEADER]: header('Version the call ran on', 'string'),
    [GENERATION_HEADER]: header('Generation the call ran on', 'integer'),
    [EPOCH_HEADER]: header('Epoch of the registry in which it was bound', 'integer'),
  }
}

function componentSchemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    unrepresentable: 'any',
  })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      // The place in the document is the id; a second one would be a base URI for its references.
      const { $id: _id, $schema: _dialect, ...rest } = schema
      return [id, rest]
    }),
  )
}
