/**
 * `headgate invoke`: calls a workflow or task. The result is on stdout, what it ran on on stderr.
 */

import { type Command, Option } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { HeadgateError } from '../../base/errors.ts'
import { parseDuration } from '../../domain/duration.ts'
import {
  addConnectOptions,
  type CommandContext,
  type ConnectOptions,
  connect,
} from '../command-context.ts'
import { type InputOptions, readInput } from '../read-input.ts'
import { writeLine } from '../terminal.ts'

interface InvokeCommandOptions extends ConnectOptions, InputOptions {
  readonly version?: string
  readonly timeout: string
  readonly json?: boolean
}

export function addInvokeCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('invoke <namespace>')
    .description('call tenant::package::workflow or tenant::package::workflow::task')
    .addOption(new Option('--input <file>', 'JSON input from a file; -: stdin').conflicts('body'))
    .option('--body <json>', 'JSON input as text')
    .option('--version <range>', 'exact version or range (default: the active version)')
    .option('--timeout <duration>', 'how long to wait', '60s')
    .option('--json', 'one document {output, version, generation, epoch}; errors as JSON')
  addConnectOptions(command).action(async (namespace: string, options: InvokeCommandOptions) => {
    await invoke(context, namespace, options)
  })
}

async function invoke(
  context: CommandContext,
  namespace: string,
  options: InvokeCommandOptions,
): Promise<void> {
  const { terminal } = context
  const { timeout } = options
  const timeoutMs = parseDuration(/^\d+$/.test(timeout) ? Number(timeout) : timeout, '--timeout')
  const client = connect(context, options)
  const body = await readInput(terminal, options)
  const late = new AbortController()
  const timer = systemClock.after(timeoutMs, () => {
    late.abort(new HeadgateError('CALL_TIMEOUT', { timeoutMs }))
  })
  try {
    const answer = await client.invokeJson(namespace, body, {
      signal: late.signal,
      ...(options.version === undefined ? {} : { version: options.version }),
    })
    const { json, version, generation, epoch } = answer
    if (options.json === true) {
      const facts = JSON.stringify({ version, generation, epoch }).slice(1)
      writeLine(terminal.stdout, `{"output":${json},${facts}`)
      return
    }
    writeLine(terminal.stdout, json)
    writeLine(terminal.stderr, `version ${version}, generation g${generation}, epoch ${epoch}`)
  } finally {
    timer.cancel()
  }
}
