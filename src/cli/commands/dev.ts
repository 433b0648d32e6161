/**
 * `headgate dev`: an executor of its own for one source folder, in which each save is served.
 *
 * Owns: the order of starting and ending, the temporary folder, what is written where.
 * Does not own: the edit loop (packaging/dev/), the text of its lines (render-dev.ts).
 *
 * Z1  All paths are resolved before the working directory changes, and it changes before the first
 *     thread starts: Node grants every worker read access to it.
 * Z2  State lies in a temporary folder that is gone at the end. In --data there is endpoint.json
 *     alone, and only while this executor takes requests: no version from here is ever recorded in a
 *     data dir that outlives it.
 */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { HeadgateError } from '../../base/errors.ts'
import { silentLogger } from '../../base/logger.ts'
import { checkName } from '../../domain/names.ts'
import type { Executor } from '../../executor/api.ts'
import type { DevSession } from '../../packaging/dev/dev-session.ts'
import { toProblem } from '../../protocol/problem-record.ts'
import type { CommandContext } from '../command-context.ts'
import { readConfig, type Tenants } from '../config-file.ts'
import { claimEndpoint, giveBackEndpoint, newToken } from '../endpoint.ts'
import { EXIT } from '../exit-codes.ts'
import { FORCED_EXIT, forceEnd, type Running } from '../force-end.ts'
import { parsePort } from '../parse-port.ts'
import { type InputOptions, readInput } from '../read-input.ts'
import { logLine, refusedLines, refusedRecord, servedLines, servedRecord } from '../render-dev.ts'
import { reportError } from '../report-error.ts'
import { RunAfterSwap, type WorkflowResult } from '../run-after-swap.ts'
import { type ShutdownSignal, type ShutdownSignals, shutdownSignals } from '../shutdown-signals.ts'
import { type Terminal, writeLine } from '../terminal.ts'

interface DevOptions extends InputOptions {
  readonly port: number
  readonly tenant: string
  readonly data?: string
  readonly config?: string
  readonly permissions: 'on' | 'off'
  readonly workflow?: string
  readonly json?: boolean
}

/** Soon, as nobody rolls back here, and not at once, so that a save right after another is quick. */
const KEEP_WARM_MS = 1_000
const REMOVE_AFTER_MS = 100

export function addDevCommand(program: Command, context: CommandContext): void {
  program
    .command('dev [dir]')
    .description('serve a source folder, and each change of it as it is saved')
    .option('--port <n>', 'port; 0: any free one', parsePort, 0)
    .option('--tenant <tenant>', 'whose package it is', 'public')
    .option('--data <dir>', 'where other commands find this executor by --data; nothing is kept')
    .option('--config <file>', "operator's values and grants per tenant and package (JSON)")
    .addOption(
      new Option('--permissions <mode>', "worker threads under Node's permission model")
        .choices(['on', 'off'])
        .default('on'),
    )
    .option('--workflow <name>', 'call this workflow on each version; its result is on stdout')
    .addOption(new Option('--input <file>', 'JSON input for it; -: stdin').conflicts('body'))
    .option('--body <json>', 'JSON input for it as text')
    .option('--json', 'one line of JSON an event on stdout')
    .action(async (dir: string | undefined, options: DevOptions) => {
      context.setExitCode(await runDev(context, resolve(dir ?? '.'), options))
    })
}

interface Plan {
  readonly dir: string
  readonly cwd: string
  /** The temporary folder. */
  readonly work: string
  readonly tenant: string
  /** Absolute. */
  readonly data: string | undefined
  readonly tenants: Tenants
  readonly options: DevOptions
  readonly body: string
}

async function runDev(context: CommandContext, dir: string, options: DevOptions): Promise<number> {
  const { terminal } = context
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new HeadgateError('PATH_NOT_FOUND', { path: dir })
  }
  const cwd = process.cwd()
  const given = {
    dir: realpathSync(dir),
    cwd,
    tenant: checkName('tenant', options.tenant),
    data: options.data === undefined ? undefined : resolve(options.data),
    // What it says of signatures is for what others packed: here the author's own saves are served.
    tenants: options.config === undefined ? {} : readConfig(resolve(options.config)).tenants,
    options,
    body: await readInput(terminal, options),
  }
  const work = mkdtempSync(join(realpathSync(tmpdir()), 'headgate-dev-'))
  const signals = shutdownSignals(systemClock)
  const running: Running = { executor: undefined, server: undefined }
  let forced: ShutdownSignal | undefined
  try {
    for (const folder of ['packages', 'data', 'cwd']) mkdirSync(join(work, folder))
    process.chdir(join(work, 'cwd'))
    const code = await Promise.race([
      serve(context, { ...given, work }, signals, running),
      signals.second.then((signal) => {
        forced = signal
        return forceEnd(context, running, signal)
      }),
    ])
    return forced === undefined ? code : FORCED_EXIT[forced]
  } finally {
    signals.release()
    if (given.data !== undefined) giveBackEndpoint(given.data, process.pid)
    process.chdir(cwd)
    rmSync(work, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** From nothing to serving, and after the first signal back to nothing. */
async function serve(
  { terminal, version, leaveThreads }: CommandContext,
  plan: Plan,
  signals: ShutdownSignals,
  running: Running,
): Promise<number> {
  const { dir, work, tenant, tenants, data, options } = plan
  const [{ createExecutor }, { startServer }, { DevSession }] = await Promise.all([
    import('../../executor/create-executor.ts'),
    import('../../server/start-server.ts'),
    import('../../packaging/dev/dev-session.ts'),
  ])
  const packagesDir = join(work, 'packages')
  const dataDir = join(work, 'data')
  const executor = await createExecutor({
    packagesDir,
    dataDir,
    permissions: options.permissions,
    tenants,
    keepWarmMs: KEEP_WARM_MS,
    removeAfterMs: REMOVE_AFTER_MS,
  })
  running.executor = executor
  const clock = systemClock
  const session = new DevSession({ dir, tenant, executor, packagesDir, dataDir, clock })
  const runs = show(terminal, plan, executor, session)
  try {
    const logger = silentLogger
    const token = newToken()
    running.server = await startServer({
      executor,
      host: '127.0.0.1',
      port: options.port,
      logger,
      version,
      token,
    })
    const { url } = running.server
    const { pid } = process
    const startedAt = clock.now()
    if (data !== undefined) claimEndpoint(data, { url, pid, version, startedAt, token })
    writeLine(
      terminal.stdout,
      options.json === true
        ? JSON.stringify({ type: 'listening', at: clock.now(), url, pid, dir })
        : `headgate ${version} serves ${dir} at ${url}`,
    )
    await Promise.race([session.start(), signals.first])
    await signals.first
  } finally {
    if (data !== undefined) giveBackEndpoint(data, process.pid)
    runs?.cancel('headgate dev ends')
    await Promise.all([session.close(), running.server?.close(), executor.close()])
  }
  if (executor.status().abandonedThreads > 0) leaveThreads()
  return EXIT.ok
}

/** Every event as it comes. Returns the runs, where some were asked for. */
function show(
  terminal: Terminal,
  { cwd, dir, options, body }: Plan,
  executor: Executor,
  session: DevSession,
): RunAfterSwap | null {
  const lines = { cwd, dir }
  const isJson = options.json === true
  const now = (): number => systemClock.now()
  const record = (value: object): void => writeLine(terminal.stdout, JSON.stringify(value))
  const say = (texts: readonly string[]): void => {
    for (const text of texts) writeLine(terminal.stderr, text)
  }
  const { workflow } = options
  const runs =
    workflow === undefined
      ? null
      : new RunAfterSwap({ workflow, body }, (result) => showResult(terminal, result, isJson))
  session.events.on('serving', (served) => {
    if (isJson) record(servedRecord(served, now()))
    else say(servedLines(served, now()))
    void runs?.run(executor, served)
  })
  session.events.on('refused', (refused) => {
    if (isJson) record(refusedRecord(refused, now()))
    else say(refusedLines(refused, now(), lines))
  })
  executor.events.on('log', (line) => {
    const authorText = (text: string): string => session.authorText(text)
    if (isJson) record({ type: 'log', ...line, message: authorText(line.message) })
    else say([logLine(line, authorText, lines)])
  })
  executor.events.on('fault', (fault) => {
    if (isJson) record({ type: 'fault', at: now(), error: toProblem(fault) })
    else say([`${fault.code}: ${fault.message}`])
  })
  return runs
}

function showResult(terminal: Terminal, result: WorkflowResult, isJson: boolean): void {
  const { version } = result
  const at = systemClock.now()
  if ('json' in result) {
    const output: unknown = isJson ? JSON.parse(result.json) : null
    const line = isJson ? JSON.stringify({ type: 'result', at, version, output }) : result.json
    writeLine(terminal.stdout, line)
  } else if (isJson) {
    const error = toProblem(result.error.toRecord())
    writeLine(terminal.stdout, JSON.stringify({ type: 'failed', at, version, error }))
  } else reportError(terminal, result.error, false)
}
