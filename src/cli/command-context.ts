/**
 * What every command gets, and the options that commands talking to an executor share.
 */

import type { Command } from 'commander'
import { createClient, type HeadgateClient } from '../client/client.ts'
import { findUrl } from './endpoint.ts'
import { patientFetch } from './patient-fetch.ts'
import type { Terminal } from './terminal.ts'

export interface CommandContext {
  readonly terminal: Terminal
  /** Of headgate. */
  readonly version: string
  /** How the process ends when the command is done; the last call counts. */
  setExitCode(code: number): void
  /** A worker thread is left that cannot be ended: the process must not wait for it. */
  leaveThreads(): void
  /** Aborts on Ctrl-C. */
  readonly interrupt: AbortSignal
}

export interface ConnectOptions {
  readonly url?: string
  readonly data?: string
}

export function addConnectOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'executor to talk to (default: HEADGATE_URL, else the one of --data, else port 7420)',
    )
    .option('--data <dir>', 'data dir of the executor (default: .headgate)')
}

export function connect(context: CommandContext, options: ConnectOptions): HeadgateClient {
  return clientFor(context, findUrl(options, context.terminal.env))
}

/** The client of a command: it waits as long as the command does, and Ctrl-C ends its calls. */
export function clientFor(
  { interrupt }: CommandContext,
  url: string,
  token?: string,
): HeadgateClient {
  return createClient({
    url,
    fetch: patientFetch,
    signal: interrupt,
    ...(token === undefined ? {} : { token }),
  })
}
