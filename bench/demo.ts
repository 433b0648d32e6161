/**
 * `npm run demo [-- --keep] [--json] [--port N]`
 *
 * One swap and one refusal under load, on a temporary copy of the sample packages. Exits 1 when a
 * request failed, was lost, was answered twice or ran on a wrong generation.
 */

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { silentLogger } from '../src/base/logger.ts'
import { createExecutor } from '../src/index.ts'
import type { Executor } from '../src/executor/api.ts'
import type { RefusalRow } from '../src/protocol/status.ts'
import type { SwapReceipt } from '../src/store/store.ts'
import { startServer } from '../src/server/start-server.ts'
import { CALLS, PACKAGE } from './demo/calls.ts'
import { openDemoStage } from './demo/stage.ts'
import { isClean, summarise, tellReceipt, tellVerdict } from './demo/summary.ts'
import { Traffic } from './demo/traffic.ts'
import { until, untilActive, within } from './lib/executor.ts'
import { withDetection } from './lib/receipt.ts'

const IN_FLIGHT = 32
const BEFORE_SWAP_MS = 2000
const AFTER_SWAP_MS = 1000
const AFTER_REFUSAL_MS = 500

const USAGE = 'usage: npm run demo -- [--keep] [--json] [--port N]'

interface Command {
  readonly keep: boolean
  readonly json: boolean
  readonly port: number
}

/** A string says what is wrong with the arguments. */
function readCommand(args: readonly string[]): Command | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        port: { type: 'string', default: '0' },
      },
    })
    const port = Number(values.port)
    return Number.isInteger(port) && port >= 0 && port <= 65_535
      ? { keep: values.keep, json: values.json, port }
      : `--port ${values.port}: write a whole number from 0 to 65535`
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault)
  }
}

async function main(command: Command): Promise<number> {
  const say = (text: string): void => {
    const stream = command.json ? process.stderr : process.stdout
    stream.write(`${text}\n`)
  }
  using stage = openDemoStage()
  process.chdir(stage.emptyDir)
  say('Starting an executor on a copy of packages-dir …')
  await using executor = await createExecutor({
    packagesDir: stage.packagesDir,
    dataDir: stage.dataDir,
  })
  const server = await startServer({
    executor,
    host: '127.0.0.1',
    port: command.port,
    logger: silentLogger,
    version: executor.status().version,
    token: randomUUID(),
  })
  await using serving = new AsyncDisposableStack()
  serving.defer(() => server.close())
  await Promise.all([
    untilActive(executor, PACKAGE, '2.1.0'),
    untilActive(executor, 'marketing_campaigns', '1.3.0'),
  ])
  for (const row of executor.packages()) {
    say(`  ${row.tenant}::${row.package} ${row.activeVersion} (g${row.activeGeneration})`)
  }
  say(`  status: ${server.url}/v1/packages`)

  say(`\nLoad: workflows and single tasks, ${IN_FLIGHT} in flight`)
  const traffic = new Traffic(executor, CALLS, PACKAGE, IN_FLIGHT)
  await sleep(BEFORE_SWAP_MS)
  say(`  ${traffic.answers} answers in ${BEFORE_SWAP_MS / 1000} s`)

  say(`\nDropping ${PACKAGE} 2.2.0 beside 2.1.0 …`)
  const { receipt, dropToFirstTaskMs, longestGapMs } = await swapTo(executor, traffic, () =>
    stage.drop(`${PACKAGE}-2.2.0`),
  )
  say(`\n${tellReceipt(receipt, dropToFirstTaskMs)}`)

  say(`\nDropping the broken ${PACKAGE} 2.3.0 …`)
  stage.drop(`${PACKAGE}-2.3.0`)
  const refused = await refusalOf(executor, '2.3.0')
  say(`  refused: ${refused.error.code}`)
  say(`  ${refused.error.message}`)
  await sleep(AFTER_REFUSAL_MS)
  say(`  still active: ${executor.package('public', PACKAGE)?.activeVersion}`)

  const verdicts = await traffic.stop()
  const summary = summarise({
    receipt,
    verdicts,
    dropToFirstTaskMs,
    longestGapMs,
    refusedCode: refused.error.code,
    tasks: traffic.tasks,
  })
  const clean = isClean(summary, verdicts)
  say(`\n${tellVerdict(summary, verdicts, traffic.versions)}`)
  for (const failure of traffic.failures) say(`  failed: ${failure}`)
  if (command.json) process.stdout.write(`${JSON.stringify(summary)}\n`)

  if (command.keep) {
    say(`\nServing at ${server.url} until Ctrl-C. Try:`)
    say(`  npx headgate status --url ${server.url}`)
    say(`  rm -r ${stage.packagesDir}/${PACKAGE}-2.2.0    # falls back to 2.1.0`)
    await new Promise<void>((resolve) => void process.once('SIGINT', () => resolve()))
  } else {
    say(`\nStatus was at ${server.url}/v1/packages. Next, keep it up and look around:`)
    say('  npm run demo -- --keep')
  }
  return clean ? 0 : 1
}

interface Swapped {
  readonly receipt: SwapReceipt
  readonly dropToFirstTaskMs: number
  readonly longestGapMs: number
}

async function swapTo(executor: Executor, traffic: Traffic, drop: () => number): Promise<Swapped> {
  const first = traffic.firstOf('2.2.0')
  const complete = nextReceipt(executor, '2.2.0')
  const longestGap = traffic.watchGaps()
  const droppedAt = drop()
  const firstAt = await within('the first answer of 2.2.0', first)
  const receipt = withDetection(await within('2.1.0 to drain', complete), droppedAt)
  await sleep(AFTER_SWAP_MS)
  return { receipt, dropToFirstTaskMs: firstAt - droppedAt, longestGapMs: longestGap() }
}

/** The receipt of the swap to `version`, when the old generation is done. */
function nextReceipt(executor: Executor, version: string): Promise<SwapReceipt> {
  return executor.events.once(
    'receipt',
    (receipt) =>
      receipt.package === PACKAGE && receipt.to.version === version && receipt.drained !== null,
  )
}

async function refusalOf(executor: Executor, version: string): Promise<RefusalRow> {
  const find = (): RefusalRow | undefined =>
    executor
      .package('public', PACKAGE)
      ?.refusals.find((refusal) => refusal.version === version && refusal.kind === 'rejected')
  await until(`${version} to be refused`, () => find() !== undefined)
  const refusal = find()
  if (refusal === undefined) throw new Error(`${version} is refused no longer`)
  return refusal
}

const command = readCommand(process.argv.slice(2))
if (typeof command === 'string') {
  process.stderr.write(`${command}\n${USAGE}\n`)
  process.exit(2)
}
process.once('SIGTERM', () => process.exit(143))
if (!command.keep) process.once('SIGINT', () => process.exit(130))
process.exitCode = await main(command)
