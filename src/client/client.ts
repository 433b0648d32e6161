/**
 * The typed client of one executor. Runs in browsers: global fetch and WebSocket only.
 */

import { type Clock, systemClock } from '../base/clock.ts'
import { checkInvokeOptions } from '../domain/invoke-options.ts'
import { parseNamespace } from '../domain/namespace.ts'
import { EPOCH_HEADER, GENERATION_HEADER, VERSION_HEADER } from '../protocol/invoke-headers.ts'
import { CONTENT_DIGEST_HEADER, contentDigest } from '../protocol/content-digest.ts'
import type {
  ControlAnswer,
  PackagesAnswer,
  PublishedAnswer,
  ReceiptsAnswer,
} from '../protocol/http.ts'
import type { ExecutorRow, PackageRow } from '../protocol/status.ts'
import type { TopicFilter } from '../protocol/status-stream.ts'
import type { TopicName } from '../protocol/topics.ts'
import type { WhyAnswer } from '../protocol/why.ts'
import { type ClientFetch, HttpCaller } from './http-caller.ts'
import { type ConnectionState, StatusStream } from './status-stream.ts'
import { type OnRows, TopicView } from './topic-view.ts'

export interface ClientOptions {
  /** `http://127.0.0.1:7420`. */
  readonly url: string
  /**
   * Of the executor, from endpoint.json in its data dir: without it, calls that change what is
   * served (publish, promote) are TOKEN_REFUSED.
   */
  readonly token?: string
  /**
   * Sends the calls. Default: the global one, with the limits it has: Node's gives up on an answer
   * after 300 s (UNREACHABLE), and the call is cancelled.
   */
  readonly fetch?: ClientFetch
  /** Aborts all calls; watches have signals of their own. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
  /** [0, 1); for the jitter of reconnects. */
  readonly random?: () => number
}

export interface ClientInvokeOptions {
  /** Exact version or semver range; default: the active version. */
  readonly version?: string
  /** Generation number; wins over `version`. */
  readonly generation?: number
  readonly signal?: AbortSignal
}

/** A result as JSON text, with what it ran on. */
export interface ClientInvokeAnswer {
  readonly json: string
  readonly version: string
  readonly generation: number
  readonly epoch: number
}

/** A packed version, and what it is. */
export interface ClientPublication {
  /** Default `public`. */
  readonly tenant?: string
  readonly package: string
  readonly version: string
  /** The bytes of a .tgz. */
  readonly archive: Uint8Array<ArrayBuffer>
  readonly signal?: AbortSignal
}

/** A version in the folder that is to serve. */
export interface ClientPromotion {
  /** Default `public`. */
  readonly tenant?: string
  readonly package: string
  /** Exact. An older one holds the newer ones. */
  readonly version: string
  readonly signal?: AbortSignal
}

export interface PageQuery {
  readonly tenant?: string
  readonly package?: string
  /** Rows, 1 to 1000. Default 100. */
  readonly limit?: number
}

export interface WatchOptions {
  /** Ends the watch. */
  readonly signal: AbortSignal
  readonly filter?: TopicFilter
  /** control only: entries after this seq; default: from now on. */
  readonly since?: number
  /** Updates a second, at most; default and highest 10. */
  readonly maxHz?: number
  /** The connection's state, at once and at each change. */
  readonly onState?: (state: ConnectionState) => void
}

/**
 * Every call throws a HeadgateError: the executor's own, UNREACHABLE when none answers or what answers
 * is not headgate, or TASK_ABORTED.
 */
export interface HeadgateClient {
  /** Calls a workflow or task and awaits its answer. */
  invoke(namespace: string, body?: unknown, options?: ClientInvokeOptions): Promise<unknown>
  /** The same with JSON text in and out. */
  invokeJson(
    namespace: string,
    body: string,
    options?: ClientInvokeOptions,
  ): Promise<ClientInvokeAnswer>
  packages(): Promise<readonly PackageRow[]>
  package(tenant: string, name: string): Promise<PackageRow>
  /** Why versions serve or do not: the exact one, or all of which something is known. */
  why(tenant: string, name: string, version?: string): Promise<WhyAnswer>
  receipts(query?: PageQuery & { readonly before?: number }): Promise<ReceiptsAnswer>
  /**
   * The control log after `since`, default from the beginning, oldest first; with `newest` the newest
   * entries of it. `next` is the `since` of what follows.
   */
  control(
    query?: PageQuery & { readonly since?: number; readonly newest?: boolean },
  ): Promise<ControlAnswer>
  executor(): Promise<ExecutorRow>
  /** Puts an archive into the packages folder of the executor. */
  publish(publication: ClientPublication): Promise<PublishedAnswer>
  /** Routes to a version; resolves with the package's row when it serves. */
  promote(promotion: ClientPromotion): Promise<PackageRow>
  /**
   * Calls `onRows` with all rows of a topic at the beginning and at each change, over lost
   * connections, until the signal aborts; then resolves.
   */
  watch<T extends TopicName>(topic: T, onRows: OnRows<T>, options: WatchOptions): Promise<void>
}

export function createClient(options: ClientOptions): HeadgateClient {
  const http = new HttpCaller({
    url: options.url,
    fetch: options.fetch ?? ((url, request) => fetch(url, request)),
    signal: options.signal,
  })
  const stream = new StatusStream({
    url: options.url,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  })
  const bearer: Record<string, string> =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
  const invokeJson: HeadgateClient['invokeJson'] = async (namespace, body, invokeOptions = {}) => {
    checkInvokeOptions(invokeOptions)
    const { signal, version, generation } = invokeOptions
    const { text, headers } = await http.send(
      invokePath(namespace) + queryOf({ version, generation }),
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        ...(signal === undefined ? {} : { signal }),
      },
    )
    return {
      json: text,
      version: http.header(headers, VERSION_HEADER),
      generation: Number(http.header(headers, GENERATION_HEADER)),
      epoch: Number(http.header(headers, EPOCH_HEADER)),
    }
  }
  return {
    invokeJson,
    async invoke(namespace, body, invokeOptions) {
      const text = body === undefined ? '' : JSON.stringify(body)
      return http.parse((await invokeJson(namespace, text, invokeOptions)).json)
    },
    packages: async () => (await http.get<PackagesAnswer>('/v1/packages', 'packages')).packages,
    package: (tenant, name) => http.get(packagePath(tenant, name), 'generations'),
    why: (tenant, name, version) =>
      http.get(`${packagePath(tenant, name)}/why${queryOf({ version })}`, 'versions'),
    receipts: (query = {}) => http.get(`/v1/receipts${queryOf(query)}`, 'receipts'),
    control: (query = {}) => http.get(`/v1/control${queryOf(query)}`, 'entries'),
    executor: () => http.get('/v1/executor', 'boot'),
    publish: async ({ tenant = 'public', package: name, version, archive, signal }) => {
      const at = `${packagePath(tenant, name)}/versions/${encodeURIComponent(version)}`
      const sha256 = await crypto.subtle.digest('SHA-256', archive)
      const { text } = await http.send(at, {
        method: 'PUT',
        headers: {
          'content-type': 'application/gzip',
          [CONTENT_DIGEST_HEADER]: contentDigest(sha256),
          ...bearer,
        },
        body: archive,
        ...(signal === undefined ? {} : { signal }),
      })
      return http.document<PublishedAnswer>(text, 'outcome')
    },
    promote: async ({ tenant = 'public', package: name, version, signal }) => {
      const { text } = await http.send(`${packagePath(tenant, name)}/promote`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer },
        body: JSON.stringify({ version }),
        ...(signal === undefined ? {} : { signal }),
      })
      return http.document<PackageRow>(text, 'generations')
    },
    watch<T extends TopicName>(topic: T, onRows: OnRows<T>, watchOptions: WatchOptions) {
      const { signal, onState, ...rest } = watchOptions
      return stream.watch(new TopicView<T>({ topic, onRows, ...rest }), signal, onState)
    },
  }
}

function invokePath(namespace: string): string {
  const { tenant, package: name, workflow, task } = parseNamespace(namespace)
  const path = `/v1/tenants/${tenant}/packages/${encodeURIComponent(name)}/workflows/${workflow}`
  return task === null ? `${path}/invoke` : `${path}/tasks/${task}/invoke`
}

function packagePath(tenant: string, name: string): string {
  return `/v1/tenants/${encodeURIComponent(tenant)}/packages/${encodeURIComponent(name)}`
}

function queryOf(
  values: Readonly<Record<string, string | number | boolean | undefined>> | PageQuery,
): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) query.set(name, String(value))
  }
  return query.size === 0 ? '' : `?${query.toString()}`
}
