/**
 * Status as text: pure functions from rows to lines.
 */

import type {
  ExecutorRow,
  GenerationRow,
  PackageRow,
  RefusalRow,
  SwapReceiptRow,
} from '../protocol/status.ts'
import { type Cell, table } from './table.ts'
import { type Paint, plain, type Style } from './terminal.ts'

export interface StatusDocument {
  readonly executor: ExecutorRow
  readonly packages: readonly PackageRow[]
  /** Newest first. */
  readonly receipts: readonly SwapReceiptRow[]
}

const STATE_STYLE: Partial<Record<GenerationRow['state'], Style>> = {
  active: 'green',
  draining: 'yellow',
  terminating: 'yellow',
  quarantined: 'red',
  rejected: 'red',
}

/** `withWorkflows`: what can be called of each package, too. */
export function renderStatus(status: StatusDocument, paint: Paint, withWorkflows = false): string {
  const lines = executorLines(status.executor, paint)
  if (status.packages.length === 0) lines.push('', 'no packages')
  for (const row of status.packages) {
    lines.push('', ...packageLines(row, status.executor.now, paint))
    if (withWorkflows) lines.push(...workflowLines(row))
  }
  if (status.executor.refusals.length > 0) {
    lines.push('', paint('bold', 'refused drops'))
    lines.push(...status.executor.refusals.flatMap((refusal) => refusalLines(refusal, paint)))
  }
  if (status.receipts.length > 0) {
    lines.push('', paint('bold', 'swaps'))
    lines.push(...status.receipts.map((receipt) => `  ${receiptLine(receipt)}`))
  }
  return lines.join('\n')
}

function executorLines(row: ExecutorRow, paint: Paint): string[] {
  const state = row.state === 'ready' ? paint('green', row.state) : paint('yellow', row.state)
  const signatures = row.signatures === 'off' ? '' : `, signatures ${row.signatures}`
  const isolation = `permissions ${row.isolation.permissions}, network ${row.isolation.network}${signatures}`
  const lines = [
    `${paint('bold', `headgate ${row.version}`)}  ${state}  up ${span(row.now - row.startedAt)}  pid ${row.pid}  node ${row.node}  epoch ${row.epoch}`,
    `${row.packages} packages  ${row.threads} threads  spare ${row.spare}  ${mebibytes(row.rssBytes)}  ${watchText(row, paint)}  ${isolation}`,
  ]
  if (row.store.state === 'failing') {
    const what = `store failing: ${plain(row.store.reason ?? '')}; ${row.store.waiting} records wait`
    lines.push(paint('red', what))
  }
  if (row.abandonedThreads > 0) {
    lines.push(paint('red', `${row.abandonedThreads} threads could not be ended`))
  }
  return lines
}

function watchText({ watch }: ExecutorRow, paint: Paint): string {
  const reason = watch.reason === null ? '' : `: ${plain(watch.reason)}`
  if (watch.state === 'degraded') return paint('red', `watch degraded, ${watch.mode}${reason}`)
  return `watch ${watch.mode}${reason}, ${watch.watches} folders`
}

export function packageLines(row: PackageRow, now: number, paint: Paint): string[] {
  const active =
    row.activeVersion === null
      ? paint('red', 'no active version')
      : paint('green', `${row.activeVersion} (g${row.activeGeneration})`)
  const waiting = row.waiting === 0 ? '' : `  ${row.waiting} waiting`
  const lines = [
    `${paint('bold', `${row.tenant}::${row.package}`)}  ${active}  policy ${plain(row.policy)}${waiting}`,
  ]
  if (row.description !== null) lines.push(paint('dim', `  ${plain(row.description)}`))
  if (row.generations.length > 0) {
    const head = [
      'gen',
      'version',
      'state',
      'for',
      'threads',
      'bound',
      'served',
      'failed',
      'p50',
      'p99',
    ]
    const header = head.map((text): Cell => ({ text, style: 'dim', alignRight: isNumeric(text) }))
    const rows = [...row.generations].sort((a, b) => b.generation - a.generation)
    lines.push(...table([header, ...rows.map((g) => generationCells(g, now))], paint, 2))
    for (const generation of rows) {
      lines.push(...exitLines(generation, paint), ...blockerLines(generation, now, paint))
    }
  }
  for (const [version, reason] of Object.entries(row.held)) {
    lines.push(`  ${paint('yellow', 'held')} ${version}: ${plain(reason)}`)
  }
  lines.push(...signatureLines(row, paint))
  lines.push(...row.refusals.flatMap((refusal) => refusalLines(refusal, paint)))
  return lines
}

/** Who signed what serves, and what is in doubt of what lies there. */
function signatureLines({ activeVersion, versions }: PackageRow, paint: Paint): string[] {
  return versions.flatMap(({ version, signatures, doubt }) => {
    const by = signatures.map(({ key, state }) => `${key} (${state})`).join(', ')
    if (doubt !== null) {
      return [`  ${paint('yellow', doubt.code)} ${version}: ${plain(doubt.message)}`]
    }
    return version === activeVersion && by !== '' ? [`  ${version} is signed by ${by}`] : []
  })
}

function workflowLines(row: PackageRow): string[] {
  return row.workflows.flatMap((workflow) => [
    `  ${workflow.namespace}`,
    ...workflow.tasks.map((task) => {
      const after = task.after.length === 0 ? '' : ` after ${task.after.join(', ')}`
      return `    ${task.name}${after}`
    }),
  ])
}

function isNumeric(column: string): boolean {
  return !['gen', 'version', 'state'].includes(column)
}

function generationCells(g: GenerationRow, now: number): Cell[] {
  const style = STATE_STYLE[g.state]
  const state = g.state === 'active' && g.threads === 0 ? 'active, cold' : g.state
  const number = (text: string | number): Cell => ({ text: String(text), alignRight: true })
  return [
    { text: `g${g.generation}` },
    { text: g.version },
    style === undefined ? { text: state } : { text: state, style },
    number(span(now - g.since)),
    number(g.threads),
    number(g.requests + g.workflows),
    number(g.served),
    number(g.failed),
    number(milliseconds(g.p50Ms)),
    number(milliseconds(g.p99Ms)),
  ]
}

function exitLines({ generation, exits }: GenerationRow, paint: Paint): string[] {
  if (exits === 0) return []
  const threads =
    exits === 1 ? '1 thread that ended by itself' : `${exits} threads that ended by themselves`
  return [paint('yellow', `  g${generation} lost ${threads}`)]
}

function blockerLines(g: GenerationRow, now: number, paint: Paint): string[] {
  if (g.blockers.length === 0) return []
  const left = g.drainDeadlineAt === null ? '' : `, ${span(g.drainDeadlineAt - now)} left`
  return [paint('yellow', `  g${g.generation} waits for ${plain(g.blockers.join(', '))}${left}`)]
}

export function refusalLines(refusal: RefusalRow, paint: Paint): string[] {
  const style = refusal.kind === 'rejected' ? 'red' : 'yellow'
  const version = refusal.version === null ? '' : ` ${plain(refusal.version)}`
  return [
    `  ${paint(style, refusal.kind)} ${plain(refusal.entry)}${version}`,
    `    ${refusal.error.code}: ${plain(refusal.error.message)}`,
  ]
}

/** One swap in one line. */
export function receiptLine(receipt: SwapReceiptRow): string {
  const from =
    receipt.from === null ? 'nothing' : `${receipt.from.version} (g${receipt.from.generation})`
  const drain =
    receipt.lost === null
      ? `${receipt.inFlightAtSwap} in flight, ${receipt.cutOff ? 'cut off by the end of the executor' : 'draining'}`
      : `${receipt.drained} drained, ${receipt.killed} killed, ${receipt.lost} lost`
  const took =
    receipt.dropToSwapMs === null
      ? ''
      : `, ${milliseconds(receipt.dropToSwapMs)} after it was found`
  return (
    `${new Date(receipt.at).toISOString()}  #${receipt.epoch}  ${receipt.tenant}::${receipt.package}` +
    `  ${from} -> ${receipt.to.version} (g${receipt.to.generation})  ${receipt.moved} moved, ${drain}` +
    `${took}, spare ${receipt.spare}: ${plain(receipt.reason)}`
  )
}

export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} m`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`
}

function milliseconds(ms: number | null): string {
  if (ms === null) return '-'
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`
}
