/**
 * What every request and upgrade passes before anything else looks at it.
 *
 * A page of another site can send requests to a loopback port (its Origin tells), or reach it under
 * its own name by rebinding that name to 127.0.0.1 (the Host tells). Both are refused.
 */

import type { IncomingMessage } from 'node:http'
import { HeadgateError } from '../base/errors.ts'
import { printable } from '../domain/names.ts'

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'] as const

/** The hosts `startServer` listens on, and the address each means. */
const LISTEN_ADDRESS: ReadonlyMap<string, string> = new Map([
  ['127.0.0.1', '127.0.0.1'],
  ['localhost', '127.0.0.1'],
  ['::1', '::1'],
  ['[::1]', '::1'],
])

/** The address to listen on; throws HOST_REFUSED for one that is not loopback. */
export function listenAddress(host: string): string {
  const address = LISTEN_ADDRESS.get(host)
  if (address === undefined) throw new HeadgateError('HOST_REFUSED', { host: printable(host) })
  return address
}

export class Gate {
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>

  constructor(port: number) {
    // Clients leave the default port out of both headers.
    const hosts = LOOPBACK_NAMES.flatMap((name) =>
      port === 80 ? [name, `${name}:80`] : [`${name}:${port}`],
    )
    this.#hosts = new Set(hosts)
    this.#origins = new Set(hosts.map((host) => `http://${host}`))
  }

  /** Why the request is refused; null: it may pass. */
  refusal(request: IncomingMessage): HeadgateError | null {
    const { host, origin } = request.headers
    if (host === undefined || !this.#hosts.has(host.toLowerCase()) || hasTwoHosts(request)) {
      return new HeadgateError('HOST_HEADER_REFUSED', { host: printable(host ?? '') })
    }
    if (origin !== undefined && !this.#origins.has(origin)) {
      return new HeadgateError('ORIGIN_REFUSED', { origin: printable(origin) })
    }
    return bodyRefusal(request)
  }
}

/** Node keeps the first Host header and drops the others in silence. */
function hasTwoHosts(request: IncomingMessage): boolean {
  let found = 0
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === 'host') found += 1
  }
  return found > 1
}

/** Framing that two parsers could read differently, and bodies where none is expected. */
function bodyRefusal(request: IncomingMessage): HeadgateError | null {
  const encoding = request.headers['transfer-encoding']
  const length = request.headers['content-length']
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked') {
    return new HeadgateError('HTTP_BODY_INVALID', {
      why: `transfer-encoding ${printable(encoding)} is not supported, send chunked or a length`,
    })
  }
  const hasBody = encoding !== undefined || (length !== undefined && length !== '0')
  if (hasBody && request.method !== 'POST' && request.method !== 'PUT') {
    return new HeadgateError('HTTP_BODY_INVALID', {
      why: `a ${request.method} request carries no body here`,
    })
  }
  return null
}
