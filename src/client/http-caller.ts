/**
 * One HTTP call of the client: a path in, an answer of headgate or a HeadgateError out.
 *
 * Does not own: which calls there are (client.ts).
 */

import { type ErrorRecord, HeadgateError, messageOf } from '../base/errors.ts'
import type { Problem } from '../protocol/problem.ts'
import { fromProblem } from '../protocol/problem-record.ts'

/** What the client asks of a `fetch`; the global one is one. */
/** Of UNREACHABLE. */
export const START_ONE = 'start one with: npx headgate start'

export type ClientFetch = (url: URL, request: ClientRequest) => Promise<Response>

export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly signal?: AbortSignal
}

export interface HttpCallerOptions {
  readonly url: string
  readonly fetch: ClientFetch
  /** Ends every call. */
  readonly signal: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly text: string
  readonly headers: Headers
}

export class HttpCaller {
  readonly #options: HttpCallerOptions

  constructor(options: HttpCallerOptions) {
    this.#options = options
  }

  /** The document at `path`, which has `field`. */
  async get<T extends object>(path: string, field: keyof T & string): Promise<T> {
    const { text } = await this.send(path, { method: 'GET', headers: {} })
    return this.document<T>(text, field)
  }

  /** Throws UNREACHABLE for a text that is not JSON, or lacks `field`. */
  document<T extends object>(text: string, field: keyof T & string): T {
    const value = this.parse(text)
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, field)) {
      return value as T
    }
    throw this.#notHeadgate(`it answers without ${field}`)
  }

  parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (error) {
      throw this.#notHeadgate('it answers with what is not JSON', error)
    }
  }

  /** A header that answers of headgate have. */
  header(headers: Headers, name: string): string {
    const value = headers.get(name)
    if (value !== null) return value
    throw this.#notHeadgate(`it answers without ${name}`)
  }

  /** Throws what the executor answers with, UNREACHABLE, or the reason of the signal. */
  async send(path: string, request: ClientRequest): Promise<HttpAnswer> {
    const signals = [request.signal, this.#options.signal].filter((one) => one !== undefined)
    const signal = AbortSignal.any(signals)
    let response: Response
    let text: string
    try {
      response = await this.#options.fetch(new URL(path, this.#options.url), { ...request, signal })
      text = await response.text()
    } catch (error) {
      if (signal.aborted) throw abortError(signal)
      throw this.#unreachable(reasonOf(error), error)
    }
    if (response.ok) return { text, headers: response.headers }
    const record = problemRecord(text)
    if (record !== null) throw HeadgateError.fromRecord(record)
    throw this.#notHeadgate(`status ${response.status}`)
  }

  #notHeadgate(why: string, cause?: unknown): HeadgateError {
    return this.#unreachable(`what answers there is not headgate (${why})`, cause)
  }

  #unreachable(why: string, cause?: unknown): HeadgateError {
    return new HeadgateError(
      'UNREACHABLE',
      { url: this.#options.url, why, remedy: START_ONE },
      { cause },
    )
  }
}

function abortError(signal: AbortSignal): HeadgateError {
  const { reason } = signal
  return reason instanceof HeadgateError
    ? reason
    : new HeadgateError('TASK_ABORTED', { why: messageOf(reason) }, { cause: reason })
}

/** The global fetch says only "fetch failed"; what happened is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') {
    return 'connection refused'
  }
  return messageOf(cause)
}

/** null: not a problem document. */
function problemRecord(text: string): ErrorRecord | null {
  try {
    const value: Partial<Problem> | null = JSON.parse(text)
    if (typeof value?.code !== 'string' || typeof value.detail !== 'string') return null
    return fromProblem({ retryable: false, ...value } as Problem)
  } catch {
    return null
  }
}
