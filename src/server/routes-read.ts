/**
 * What can be read over HTTP: status, receipts, the control log, health.
 */

import { checkName } from '../domain/names.ts'
import { unknownPackage } from '../domain/unknown-package.ts'
import { explainPackage } from '../executor/why.ts'
import {
  type ControlAnswer,
  controlQuerySchema,
  emptyQuerySchema,
  type PackagesAnswer,
  type ReceiptsAnswer,
  receiptsQuerySchema,
  whyQuerySchema,
} from '../protocol/http.ts'
import type { PackageRow } from '../protocol/status.ts'
import type { WhyAnswer } from '../protocol/why.ts'
import { type HttpRoute, parseQuery, pathParam, type ServerContext } from './http-route.ts'

export function readRoutes(context: ServerContext): readonly HttpRoute[] {
  const { executor } = context
  return [
    {
      method: 'GET',
      path: '/v1/packages',
      operationId: 'listPackages',
      summary: 'All packages of all tenants',
      query: emptyQuerySchema,
      answer: 'Packages',
      handle: (request): PackagesAnswer => {
        parseQuery(emptyQuerySchema, request.query)
        return { packages: [...executor.packages()] }
      },
    },
    {
      method: 'GET',
      path: '/v1/tenants/{tenant}/packages/{package}',
      operationId: 'getPackage',
      summary: 'One package: versions, generations, refusals, workflows',
      query: emptyQuerySchema,
      answer: 'Package',
      handle: (request): PackageRow => {
        parseQuery(emptyQuerySchema, request.query)
        return packageOf(context, pathParam(request, 'tenant'), pathParam(request, 'package'))
      },
    },
    {
      method: 'GET',
      path: '/v1/tenants/{tenant}/packages/{package}/why',
      operationId: 'explainPackage',
      summary: 'Why versions of a package serve or do not',
      query: whyQuerySchema,
      answer: 'Why',
      handle: (request): Promise<WhyAnswer> => {
        const { version } = parseQuery(whyQuerySchema, request.query)
        const tenant = checkName('tenant', pathParam(request, 'tenant'))
        const name = pathParam(request, 'package')
        return explainPackage(executor, { tenant, package: name, version })
      },
    },
    {
      method: 'GET',
      path: '/v1/receipts',
      operationId: 'listReceipts',
      summary: 'Receipts of swaps, newest first',
      query: receiptsQuerySchema,
      answer: 'Receipts',
      handle: async (request): Promise<ReceiptsAnswer> => {
        const { limit, ...rest } = parseQuery(receiptsQuerySchema, request.query)
        const found = await executor.receipts({ limit, ...present(rest) })
        const last = found.at(-1)
        return {
          receipts: [...found],
          next: found.length < limit || last === undefined ? null : last.epoch,
        }
      },
    },
    {
      method: 'GET',
      path: '/v1/control',
      operationId: 'listControl',
      summary: 'The control log: every transition of every generation, oldest first',
      query: controlQuerySchema,
      answer: 'Control',
      handle: async (request): Promise<ControlAnswer> => {
        const { limit, since, newest, ...rest } = parseQuery(controlQuerySchema, request.query)
        const found = await executor.control({ since, limit, newest, ...present(rest) })
        return { entries: [...found], next: found.at(-1)?.seq ?? since }
      },
    },
    {
      method: 'GET',
      path: '/v1/executor',
      operationId: 'getExecutor',
      summary: 'The executor itself',
      query: emptyQuerySchema,
      answer: 'Executor',
      handle: () => executor.status(),
    },
    {
      method: 'GET',
      path: '/livez',
      operationId: 'isLive',
      summary: '200 as long as the event loop turns',
      query: emptyQuerySchema,
      answer: 'Health',
      handle: () => ({ state: 'live' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      operationId: 'isReady',
      summary:
        '200 when requests are taken and what happens is written down, else 503; fails first at a shutdown',
      query: emptyQuerySchema,
      answer: 'Health',
      handle: (_request, reply) => {
        const { state, store } = executor.status()
        const shown = context.isClosing() ? 'closing' : state
        const isReady = shown === 'ready' && store.state === 'ok'
        reply.code(isReady ? 200 : 503)
        return { state: shown === 'ready' && !isReady ? 'store failing' : shown }
      },
    },
  ]
}

/** Throws NAME_INVALID, UNKNOWN_PACKAGE. */
export function packageOf({ executor }: ServerContext, tenant: string, name: string): PackageRow {
  const row = executor.package(checkName('tenant', tenant), checkName('package', name))
  if (row !== undefined) return row
  throw unknownPackage({ tenant, package: name }, executor.packages())
}

interface PageFilter {
  tenant?: string
  package?: string
  before?: number
}

/** Only what was asked: an absent filter is absent, not undefined. */
function present(query: {
  readonly tenant?: string | undefined
  readonly package?: string | undefined
  readonly before?: number | undefined
}): PageFilter {
  const filter: PageFilter = {}
  if (query.tenant !== undefined) filter.tenant = query.tenant
  if (query.package !== undefined) filter.package = query.package
  if (query.before !== undefined) filter.before = query.before
  return filter
}
