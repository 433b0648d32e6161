/**
 * `headgate receipts` and `headgate log`: what happened, page by page.
 */

import { type Command, InvalidArgumentError } from 'commander'
import { checkName } from '../../domain/names.ts'
import {
  addConnectOptions,
  type CommandContext,
  type ConnectOptions,
  connect,
} from '../command-context.ts'
import { receiptLine } from '../render-status.ts'
import { plain, writeLine } from '../terminal.ts'
import { parseTarget, type Target } from './why.ts'

interface ReceiptsOptions extends ConnectOptions {
  readonly limit: number
  readonly tenant?: string
  readonly package?: string
  readonly json?: boolean
}

export function addReceiptsCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('receipts')
    .description('the receipts of swaps, newest first')
    .option('--limit <n>', 'how many, 1 to 1000', parseLimit, 20)
  addFilterOptions(command).action(async (options: ReceiptsOptions) => {
    const client = connect(context, options)
    const { receipts } = await client.receipts(queryOf(options))
    for (const receipt of receipts) {
      const line = options.json === true ? JSON.stringify(receipt) : receiptLine(receipt)
      writeLine(context.terminal.stdout, line)
    }
    if (receipts.length === 0) writeLine(context.terminal.stderr, 'no receipts')
  })
}

export function addLogCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('log')
    .description('the newest of the control log: every transition of every generation')
    .option('--since <seq>', 'the first after this one; 0: from the beginning', parseSeq)
    .option('--limit <n>', 'how many, 1 to 1000', parseLimit, 100)
  addFilterOptions(command).action(async (options: ReceiptsOptions & { since?: number }) => {
    const { since } = options
    const client = connect(context, options)
    const { entries, next } = await client.control({
      ...queryOf(options),
      ...(since === undefined ? { newest: true } : { since }),
    })
    for (const entry of entries) {
      const { seq, at, tenant, package: name, version, generation, from, to, reason, actor } = entry
      const line =
        options.json === true
          ? JSON.stringify(entry)
          : `${seq}  ${new Date(at).toISOString()}  ${tenant}::${name}@${version}#${generation}` +
            `  ${from ?? '-'} -> ${to}  ${plain(reason)} (${plain(actor)})`
      writeLine(context.terminal.stdout, line)
    }
    const { stderr } = context.terminal
    if (since === undefined && entries.length === options.limit) {
      writeLine(stderr, 'from the beginning: --since 0')
    }
    writeLine(stderr, `what follows: --since ${next}`)
  })
}

function addFilterOptions(command: Command): Command {
  command
    .option('--tenant <name>', 'of one tenant only')
    .option('--package <name>', 'of one package only; [tenant::]package')
    .option('--json', 'one JSON document a line')
  return addConnectOptions(command)
}

/** No version is asked for here: with one it is no name. */
function nameAlone({ name, version }: Target): string {
  return version === undefined ? name : `${name}@${version}`
}

/** Throws NAME_INVALID. */
function queryOf(options: ReceiptsOptions): {
  readonly limit: number
  readonly tenant?: string
  readonly package?: string
} {
  const of = options.package === undefined ? undefined : parseTarget(options.package)
  const tenant = of?.tenant ?? options.tenant
  return {
    limit: options.limit,
    ...(tenant === undefined ? {} : { tenant: checkName('tenant', tenant) }),
    ...(of === undefined ? {} : { package: checkName('package', nameAlone(of)) }),
  }
}

function parseLimit(text: string): number {
  const limit = parseSeq(text)
  if (limit >= 1 && limit <= 1_000) return limit
  throw new InvalidArgumentError('1 to 1000 is possible.')
}

function parseSeq(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('A whole number is needed.')
}
