/**
 * `headgate start`: the executor and its server in this process, until a signal.
 *
 * Owns: the order of starting and ending, endpoint.json, the working directory.
 * Does not own: the executor (executor/), the server (server/), signals (shutdown-signals.ts).
 *
 * Y1  All paths are resolved before the working directory changes, and it changes before the first
 *     thread starts: Node grants every worker read access to it.
 * Y2  endpoint.json exists from when all that was found is served or refused until the server ends, or
 *     after a crash.
 * Y3  The server listens before that: a version that takes long to load keeps neither the others from
 *     being called nor a signal from being heard.
 */

import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { HeadgateError, messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { Executor, ExecutorOptions } from '../../executor/api.ts'
import type { CommandContext } from '../command-context.ts'
import { readConfig } from '../config-file.ts'
import {
  DEFAULT_DATA_DIR,
  DEFAULT_PORT,
  newToken,
  removeEndpoint,
  writeEndpoint,
} from '../endpoint.ts'
import { EXIT } from '../exit-codes.ts'
import { FORCED_EXIT, forceEnd, type Running } from '../force-end.ts'
import { createLogger, LOG_LEVELS } from '../log-output.ts'
import { parsePort } from '../parse-port.ts'
import { type ShutdownSignal, type ShutdownSignals, shutdownSignals } from '../shutdown-signals.ts'
import { writeLine } from '../terminal.ts'

interface StartOptions {
  readonly packages: string
  readonly data: string
  readonly port: number
  readonly host: string
  readonly logLevel: string
  readonly permissions: 'on' | 'off'
  readonly config?: string
  readonly maxThreads?: number
  readonly quietMs?: number
}

export function addStartCommand(program: Command, context: CommandContext): void {
  program
    .command('start')
    .description('run the executor: load what lies in the packages folder and serve it')
    .option('--packages <dir>', 'folder that is watched', './packages-dir')
    .option('--data <dir>', 'state of the executor', DEFAULT_DATA_DIR)
    .option('--port <n>', 'port; 0: any free one', parsePort, DEFAULT_PORT)
    .option('--host <host>', 'loopback address to listen on', '127.0.0.1')
    .option('--config <file>', "operator's values and grants per tenant and package (JSON)")
    .option('--max-threads <n>', 'worker threads that idle versions may keep (64)', parseThreads)
    .option(
      '--quiet-ms <n>',
      'ms a source folder must lie unchanged to be taken (250)',
      parseQuietMs,
    )
    .addOption(
      new Option('--log-level <level>', 'least level of logs').choices(LOG_LEVELS).default('info'),
    )
    .addOption(
      new Option('--permissions <mode>', "worker threads under Node's permission model")
        .choices(['on', 'off'])
        .default('on'),
    )
    .action(async (options: StartOptions) => {
      context.setExitCode(await start(context, options))
    })
}

async function start(context: CommandContext, options: StartOptions): Promise<number> {
  const { terminal } = context
  const logger = createLogger(terminal, options.logLevel)
  const dataDir = resolve(options.data)
  const executorOptions: ExecutorOptions = {
    packagesDir: resolve(options.packages),
    dataDir,
    permissions: options.permissions,
    logger,
    ...(options.maxThreads === undefined ? {} : { maxThreads: options.maxThreads }),
    ...(options.quietMs === undefined ? {} : { quietMs: options.quietMs }),
    ...(options.config === undefined ? {} : readConfig(resolve(options.config))),
  }
  enterEmptyFolder(dataDir)

  const signals = shutdownSignals(systemClock)
  const running: Running = { executor: undefined, server: undefined }
  let forced: ShutdownSignal | undefined
  try {
    const code = await Promise.race([
      serve(context, options, executorOptions, signals, running, logger),
      signals.second.then((signal) => {
        forced = signal
        removeEndpoint(dataDir)
        logger.warn({ signal }, 'ending at once; running tasks are lost')
        return forceEnd(context, running, signal)
      }),
    ])
    // Forcing makes the orderly way end too, and it may come first.
    return forced === undefined ? code : FORCED_EXIT[forced]
  } finally {
    // A third signal must not turn the exit code of the second into a death by signal.
    if (forced === undefined) signals.release()
  }
}

/** From nothing to serving, and after the first signal back to nothing. */
async function serve(
  { terminal, version, leaveThreads }: CommandContext,
  { host, port }: StartOptions,
  executorOptions: ExecutorOptions,
  signals: ShutdownSignals,
  running: Running,
  logger: Logger,
): Promise<number> {
  const [{ beginExecutor }, { checkAddress, startServer }] = await Promise.all([
    import('../../executor/create-executor.ts'),
    import('../../server/start-server.ts'),
  ])
  await checkAddress(host, port)
  const token = newToken()
  const { executor, ready } = await beginExecutor(executorOptions)
  running.executor = executor
  logSwaps(executor, logger)
  try {
    running.server = await startServer({ executor, host, port, logger, version, token })
  } catch (error) {
    await Promise.allSettled([executor.close({ force: true }), ready])
    throw error
  }
  const { url } = running.server
  logger.info({ url }, 'listening; ready when what lies in the folder is served or refused')
  const { dataDir } = executorOptions
  const startedAt = systemClock.now()
  try {
    let signal = await Promise.race([ready, signals.first])
    if (signal === undefined) {
      writeEndpoint(dataDir, { url, pid: process.pid, version, startedAt, token })
      writeLine(terminal.stdout, `headgate ${version} listens at ${url}`)
      signal = await signals.first
    }
    logger.info({ signal }, 'draining; a second signal ends at once')
    // Readiness must fail before the executor refuses anything, and both be said, not refused.
    running.server.beginClose()
    await executor.close()
  } finally {
    // However it ends: to a terminal that was closed even writing fails.
    await running.server.close()
    removeEndpoint(dataDir)
  }
  if (executor.status().abandonedThreads > 0) leaveThreads()
  logger.info({}, 'closed')
  return EXIT.ok
}

function logSwaps({ events }: Executor, logger: Logger): void {
  events.on('receipt', (receipt) => {
    const { tenant, package: name, from, to, epoch, lost } = receipt
    const what = lost === null ? 'swapped' : 'swapped and drained'
    const versions = `${from?.version ?? 'nothing'} -> ${to.version}`
    logger.info(receipt, `${tenant}::${name} ${what}: ${versions}, epoch ${epoch}`)
  })
}

/** Y1 */
function enterEmptyFolder(dataDir: string): void {
  const cwd = join(dataDir, 'cwd')
  try {
    mkdirSync(cwd, { recursive: true })
    process.chdir(cwd)
  } catch (error) {
    throw new HeadgateError('DATA_DIR_INVALID', { dir: dataDir, why: messageOf(error) })
  }
}

function parseThreads(text: string): number {
  return parseCount(text, 1, 10_000)
}

function parseQuietMs(text: string): number {
  return parseCount(text, 0, 600_000)
}

function parseCount(text: string, least: number, most: number): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= least && count <= most) return count
  throw new InvalidArgumentError(`Write a number from ${least} to ${most}.`)
}
