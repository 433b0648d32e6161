/**
 * fetch without a limit on how long an answer may take.
 *
 * Node's own gives up when the headers of an answer are not there after 300 s, while a task may take
 * as long as its author says; how long the commands wait is for their own options to say.
 */

import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import type { ClientFetch } from '../client/http-caller.ts'

/** Statuses that a Response takes no body with. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

export const patientFetch: ClientFetch = (url, { method, headers, body, signal }) => {
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  // A connection of its own, so that none is kept open when the command is done.
  const request = send(url, {
    agent: false,
    method,
    headers,
    ...(signal === undefined ? {} : { signal }),
  })
  request.once('response', (message) => {
    try {
      resolve(responseOf(message))
    } catch (error) {
      reject(error)
    }
  })
  request.on('error', reject)
  request.end(body)
  return promise
}

function responseOf(message: IncomingMessage): Response {
  const status = message.statusCode ?? 0
  const headers = new Headers()
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  if (BODILESS.has(status)) {
    message.resume()
    return new Response(null, { status, headers })
  }
  return new Response(Readable.toWeb(message), { status, headers })
}
