/**
 * `headgate status`: once, or for as long as somebody watches.
 */

import type { Command } from 'commander'
import { HeadgateError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import type { HeadgateClient } from '../../client/client.ts'
import type { PackageRow } from '../../protocol/status.ts'
import {
  addConnectOptions,
  type CommandContext,
  type ConnectOptions,
  connect,
} from '../command-context.ts'
import { renderStatus, type StatusDocument } from '../render-status.ts'
import { paintFor, writeLine } from '../terminal.ts'
import { watchStatus } from '../watch-status.ts'

interface StatusOptions extends ConnectOptions {
  readonly json?: boolean
  readonly watch?: boolean
}

const RECEIPTS_SHOWN = 10

export function addStatusCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('status [package]')
    .description('packages, their generations, refused versions, swaps; [tenant::]package: one')
    .option('--json', 'one JSON document; with --watch one line per changed row')
    .option('--watch', 'go on until Ctrl-C')
  addConnectOptions(command).action(async (name: string | undefined, options: StatusOptions) => {
    if (name !== undefined) checkPackageName(name)
    const client = connect(context, options)
    if (options.watch === true) {
      // Fails now when nobody answers; later losses are waited out.
      await readStatus(client, name)
      await watchStatus(context, client, { name, asJson: options.json === true })
      return
    }
    const status = await readStatus(client, name)
    const { stdout } = context.terminal
    if (options.json === true) {
      writeLine(stdout, JSON.stringify(status))
      return
    }
    const withWorkflows = name !== undefined
    writeLine(stdout, renderStatus(status, paintFor(context.terminal), withWorkflows))
  })
}

/** Throws NAMESPACE_INVALID: `a::b::c` is no package. */
function checkPackageName(name: string): void {
  if (name.split('::').length <= 2) return
  const why = 'status shows a whole package: write package or tenant::package'
  throw new HeadgateError('NAMESPACE_INVALID', { value: name, why })
}

async function readStatus(
  client: HeadgateClient,
  name: string | undefined,
): Promise<StatusDocument> {
  const [executor, all, { receipts }] = await Promise.all([
    client.executor(),
    client.packages(),
    client.receipts({ limit: name === undefined ? RECEIPTS_SHOWN : 1_000 }),
  ])
  if (name === undefined) return { executor, packages: all, receipts }
  const packages = all.filter((row) => isNamed(row, name))
  if (packages.length === 0) {
    const [first = '', second] = name.split('::')
    const names = all.map((row) =>
      second === undefined ? row.package : `${row.tenant}::${row.package}`,
    )
    throw new HeadgateError('UNKNOWN_PACKAGE', {
      tenant: second === undefined ? 'public' : first,
      package: second ?? first,
      nearest: nearest(name, names),
    })
  }
  return {
    executor: { ...executor, refusals: [] },
    packages,
    receipts: receipts.filter((row) => isNamed(row, name)).slice(0, RECEIPTS_SHOWN),
  }
}

/** `package` means it in every tenant. */
export function isNamed(row: Pick<PackageRow, 'tenant' | 'package'>, name: string): boolean {
  return name.includes('::') ? name === `${row.tenant}::${row.package}` : name === row.package
}
