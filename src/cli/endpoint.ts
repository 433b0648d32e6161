/**
 * Where the executor of a data dir answers: `<data>/endpoint.json`, written while it runs.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { START_ONE } from '../client/http-caller.ts'
import { readHolder } from '../store/sqlite/lock-holder.ts'

const endpointSchema = z.object({
  url: z.string(),
  pid: z.int().positive(),
  /** Of headgate. */
  version: z.string(),
  /** Wall clock, ms. */
  startedAt: z.number(),
  /** What calls that change what is served have to carry. */
  token: z.string().min(1),
})

export type Endpoint = z.infer<typeof endpointSchema>

const FILE = 'endpoint.json'

export const DEFAULT_DATA_DIR = '.headgate'
export const DEFAULT_PORT = 7420

/** A secret for one start of an executor. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Readers see the whole file or none; only the user who runs the executor is one. */
export function writeEndpoint(dataDir: string, endpoint: Endpoint): void {
  const file = join(dataDir, FILE)
  const temporary = `${file}.${endpoint.pid}`
  writeFileSync(temporary, `${JSON.stringify(endpoint)}\n`, { mode: 0o600 })
  renameSync(temporary, file)
}

export function removeEndpoint(dataDir: string): void {
  rmSync(join(dataDir, FILE), { force: true })
}

/** The same, but never in the place of another executor's; throws DATA_DIR_IN_USE. */
export function claimEndpoint(dataDir: string, endpoint: Endpoint): void {
  const found = existsSync(join(dataDir, FILE)) ? readEndpoint(dataDir) : null
  if (found !== null && found.pid !== endpoint.pid && isAlive(found.pid)) {
    throw new HeadgateError('DATA_DIR_IN_USE', { dir: dataDir, pid: found.pid })
  }
  mkdirSync(dataDir, { recursive: true })
  writeEndpoint(dataDir, endpoint)
}

/** Takes a claimed one away, unless another executor has come since. */
export function giveBackEndpoint(dataDir: string, pid: number): void {
  if (readEndpoint(dataDir)?.pid === pid) removeEndpoint(dataDir)
}

/**
 * The URL to talk to: `--url`, else HEADGATE_URL, else the running executor of the data dir, else,
 * where there is none in the working directory, the default port. Throws UNREACHABLE when the data
 * dir's executor is dead, or not ready yet.
 */
export function findUrl(
  options: { readonly url?: string; readonly data?: string },
  env: Readonly<Record<string, string | undefined>>,
): string {
  const named = options.url ?? (options.data === undefined ? env['HEADGATE_URL'] : undefined)
  if (named !== undefined && named !== '') return checkUrl(named)
  const dataDir = options.data ?? DEFAULT_DATA_DIR
  const endpoint = readEndpoint(dataDir)
  const holder = readHolder(dataDir)
  const isOver = endpoint === null || !isAlive(endpoint.pid)
  if (isOver && holder !== null && isAlive(holder)) {
    const why = `process ${holder} is starting, or about to end`
    throw new HeadgateError('UNREACHABLE', { url: dataDir, why, remedy: 'ask again in a moment' })
  }
  if (endpoint === null) {
    if (options.data === undefined && !existsSync(dataDir)) {
      return `http://127.0.0.1:${DEFAULT_PORT}`
    }
    const why = `${dataDir} has no ${FILE}, so no executor is running on it`
    throw new HeadgateError('UNREACHABLE', { url: dataDir, why, remedy: START_ONE })
  }
  if (isOver) {
    throw new HeadgateError('UNREACHABLE', {
      url: endpoint.url,
      why: `its process ${endpoint.pid} is gone and left ${FILE} behind`,
      remedy: START_ONE,
    })
  }
  return endpoint.url
}

/**
 * The token for the executor at `url`: `--token`, else that of the data dir if its executor answers
 * there, so that no other server is told it, else HEADGATE_TOKEN.
 */
export function findToken(
  url: string,
  options: { readonly token?: string; readonly data?: string },
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (options.token !== undefined) return options.token
  const endpoint = readEndpoint(options.data ?? DEFAULT_DATA_DIR)
  if (endpoint?.url === url && isAlive(endpoint.pid)) return endpoint.token
  return env['HEADGATE_TOKEN']
}

function checkUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed.origin
  const why = 'write it as http://127.0.0.1:7420'
  throw new HeadgateError('OPTION_INVALID', { option: 'url', why })
}

function readEndpoint(dataDir: string): Endpoint | null {
  let text: string
  try {
    text = readFileSync(join(dataDir, FILE), 'utf8')
  } catch {
    return null
  }
  try {
    return endpointSchema.parse(JSON.parse(text))
  } catch (error) {
    const why = `${join(dataDir, FILE)} cannot be read: ${messageOf(error)}`
    throw new HeadgateError('UNREACHABLE', { url: dataDir, why, remedy: START_ONE })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
