/**
 * `headgate promote`: routes to a version that is in the folder.
 */

import type { Command } from 'commander'
import { HeadgateError } from '../../base/errors.ts'
import {
  addConnectOptions,
  clientFor,
  type CommandContext,
  type ConnectOptions,
} from '../command-context.ts'
import { findToken, findUrl } from '../endpoint.ts'
import { writeLine } from '../terminal.ts'
import { parseTarget } from './why.ts'

interface PromoteOptions extends ConnectOptions {
  readonly token?: string
  readonly json?: boolean
}

export function addPromoteCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('promote <version>')
    .description('route to a version that is in the folder; [tenant::]package@version')
    .option('--token <token>', 'of the executor (default: from the data dir, else HEADGATE_TOKEN)')
    .option('--json', "one JSON document: the package's row")
  addConnectOptions(command).action(async (text: string, options: PromoteOptions) => {
    const { tenant = 'public', name, version } = parseTarget(text)
    if (version === undefined || version === '') {
      const why = 'name the version too: [tenant::]package@1.2.0'
      throw new HeadgateError('OPTION_INVALID', { option: 'version', why })
    }
    const { env, stdout } = context.terminal
    const url = findUrl(options, env)
    const client = clientFor(context, url, findToken(url, options, env))
    const row = await client.promote({ tenant, package: name, version })
    const { activeVersion, activeGeneration, epoch } = row
    writeLine(
      stdout,
      options.json === true
        ? JSON.stringify(row)
        : `${tenant}::${name}  ${activeVersion} (g${activeGeneration}) serves, epoch ${epoch}`,
    )
  })
}
