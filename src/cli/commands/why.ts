/**
 * `headgate why`: for what reason a version serves or does not, in sentences.
 */

import type { Command } from 'commander'
import type { ExplainedVersion, WhyAnswer } from '../../protocol/why.ts'
import {
  addConnectOptions,
  type CommandContext,
  type ConnectOptions,
  connect,
} from '../command-context.ts'
import { type Paint, paintFor, plain, type Style, writeLine } from '../terminal.ts'

interface WhyOptions extends ConnectOptions {
  readonly tenant?: string
  readonly json?: boolean
}

const DEFAULT_TENANT = 'public'

const VERDICT_STYLE: Partial<Record<ExplainedVersion['verdict'], Style>> = {
  active: 'green',
  refused: 'red',
  quarantined: 'red',
  incomplete: 'yellow',
  deferred: 'yellow',
  held: 'yellow',
}

export function addWhyCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('why <package>')
    .description(
      'why a version serves or does not; [tenant::]package[@version], or a refused entry',
    )
    .option('--tenant <name>', `tenant of the package (default: ${DEFAULT_TENANT})`)
    .option('--json', 'one JSON document')
  addConnectOptions(command).action(async (text: string, options: WhyOptions) => {
    const { tenant, name, version } = parseTarget(text)
    const answer = await connect(context, options).why(
      options.tenant ?? tenant ?? DEFAULT_TENANT,
      name,
      version,
    )
    const { stdout } = context.terminal
    if (options.json === true) writeLine(stdout, JSON.stringify(answer))
    else for (const line of whyLines(answer, paintFor(context.terminal))) writeLine(stdout, line)
  })
}

export interface Target {
  readonly tenant: string | undefined
  readonly name: string
  readonly version: string | undefined
}

/** `[tenant::]package[@version]`; a scope's `@` begins the name. */
export function parseTarget(text: string): Target {
  const apart = text.indexOf('::')
  const tenant = apart === -1 ? undefined : text.slice(0, apart)
  const rest = apart === -1 ? text : text.slice(apart + 2)
  const cut = rest.lastIndexOf('@')
  if (cut <= 0) return { tenant, name: rest, version: undefined }
  return { tenant, name: rest.slice(0, cut), version: rest.slice(cut + 1) }
}

function whyLines({ tenant, package: name, versions }: WhyAnswer, paint: Paint): string[] {
  return versions.flatMap(({ version, entry, verdict, summary, details }) => {
    const what = version === null ? `entry ${plain(entry ?? '')}` : `${name}@${version}`
    const style = VERDICT_STYLE[verdict]
    const shown = style === undefined ? verdict : paint(style, verdict)
    return [
      `${paint('bold', `${tenant}::${what}`)}  ${shown}`,
      ...[summary, ...details].map((line) => `  ${plain(line)}`),
    ]
  })
}
