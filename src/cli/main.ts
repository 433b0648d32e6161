/**
 * The `headgate` command: from arguments to an exit code.
 */

import { Command, CommanderError } from 'commander'
import { systemClock } from '../base/clock.ts'
import { HEADGATE_VERSION } from '../base/headgate-package.ts'
import type { CommandContext } from './command-context.ts'
import { addDevCommand } from './commands/dev.ts'
import { addDiffCommand } from './commands/diff.ts'
import { addInspectCommand } from './commands/inspect.ts'
import { addInitCommand } from './commands/init.ts'
import { addInvokeCommand } from './commands/invoke.ts'
import { addKeygenCommand } from './commands/keygen.ts'
import { addPackCommand } from './commands/pack.ts'
import { addPromoteCommand } from './commands/promote.ts'
import { addPublishCommand } from './commands/publish.ts'
import { addLogCommand, addReceiptsCommand } from './commands/receipts.ts'
import { addRunLocalCommand } from './commands/run-local.ts'
import { addStartCommand } from './commands/start.ts'
import { addStatusCommand } from './commands/status.ts'
import { addWhyCommand } from './commands/why.ts'
import { EXIT } from './exit-codes.ts'
import { exitProcess } from './exit-process.ts'
import { FORCED_EXIT } from './force-end.ts'
import { reportError } from './report-error.ts'
import { type ShutdownSignal, shutdownSignals } from './shutdown-signals.ts'
import type { Terminal } from './terminal.ts'

/** Runs a command in this process and ends it with the command's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  const { stdin, stdout, stderr, env } = process
  // `headgate status | head -1` is no failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed)
  })
  const interrupt = new AbortController()
  if (!isLongRunning(args)) endOnSignals(interrupt)
  let threadsRemain = false
  const code = await runCommand(args, { stdin, stdout, stderr, env }, interrupt.signal, () => {
    threadsRemain = true
  })
  const { reason } = interrupt.signal
  process.exitCode =
    code === EXIT.interrupted && reason instanceof Interruption ? FORCED_EXIT[reason.signal] : code
  // What else keeps the event loop awake must not keep a closed executor's process.
  if (isLongRunning(args)) exitProcess(code, threadsRemain)
}

class Interruption extends Error {
  readonly signal: ShutdownSignal

  constructor(signal: ShutdownSignal) {
    super('interrupted')
    this.signal = signal
  }
}

/** The command is told to end, which takes its temporary folders away; a second signal ends it. */
function endOnSignals(interrupt: AbortController): void {
  const { first, second } = shutdownSignals(systemClock)
  void first.then((signal) => interrupt.abort(new Interruption(signal)))
  void second.then((signal) => exitProcess(FORCED_EXIT[signal], true))
}

/** They take signals themselves, and end in order. */
function isLongRunning([command]: readonly string[]): boolean {
  return command === 'start' || command === 'dev'
}

/** The same without touching the process; `start` and `dev` still change its working directory. */
export async function runCommand(
  args: readonly string[],
  terminal: Terminal,
  interrupt: AbortSignal,
  leaveThreads: CommandContext['leaveThreads'] = () => {},
): Promise<number> {
  let exitCode: number = EXIT.ok
  const context: CommandContext = {
    terminal,
    version: HEADGATE_VERSION,
    interrupt,
    leaveThreads,
    setExitCode: (code) => {
      exitCode = code
    },
  }
  try {
    await buildProgram(context).parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    return reportError(terminal, error, args.includes('--json'))
  }
  return exitCode
}

function buildProgram(context: CommandContext): Command {
  const { stdout, stderr } = context.terminal
  const program = new Command('headgate')
    .description('Runs packaged workflows and swaps their versions under load.')
    // Before the commands, which inherit both.
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .showHelpAfterError('(add --help for what is possible)')
    .version(context.version)
    .enablePositionalOptions()
  addStartCommand(program, context)
  addDevCommand(program, context)
  addInitCommand(program, context)
  addStatusCommand(program, context)
  addWhyCommand(program, context)
  addInvokeCommand(program, context)
  addPublishCommand(program, context)
  addPromoteCommand(program, context)
  addRunLocalCommand(program, context)
  addReceiptsCommand(program, context)
  addLogCommand(program, context)
  addKeygenCommand(program, context)
  addPackCommand(program, context)
  addInspectCommand(program, context)
  addDiffCommand(program, context)
  return program
}
