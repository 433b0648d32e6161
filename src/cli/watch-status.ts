/**
 * `headgate status --watch`: a screen that is drawn again on a terminal, else a line per change.
 */

import type { HeadgateClient } from '../client/client.ts'
import type { ConnectionState } from '../client/status-stream.ts'
import type { ExecutorRow, PackageRow, SwapReceiptRow } from '../protocol/status.ts'
import type { CommandContext } from './command-context.ts'
import { packageLines, receiptLine, renderStatus } from './render-status.ts'
import { paintFor, type Terminal, writeLine } from './terminal.ts'

export interface WatchStatusOptions {
  readonly name: string | undefined
  readonly asJson: boolean
}

const RECEIPTS_SHOWN = 10
const HOME_AND_CLEAR = '\u001b[H\u001b[J'

/** Resolves at Ctrl-C. */
export async function watchStatus(
  { terminal, interrupt }: CommandContext,
  client: HeadgateClient,
  { name, asJson }: WatchStatusOptions,
): Promise<void> {
  const output: StatusOutput = asJson
    ? new JsonLines(terminal)
    : terminal.stdout.isTTY === true
      ? new Screen(terminal)
      : new ChangeLines(terminal)
  const [first, second] = name?.split('::') ?? []
  const filter =
    first === undefined
      ? {}
      : second === undefined
        ? { package: first }
        : { tenant: first, package: second }
  const options = { signal: interrupt, filter, maxHz: 4 }
  await Promise.all([
    client.watch('executor', ([row]) => row !== undefined && output.executor(row), {
      ...options,
      onState: (state) => output.connection(state),
    }),
    client.watch('packages', (rows, { put, now }) => output.packages(rows, put, now), options),
    client.watch('receipts', (rows, { put }) => output.receipts(rows, put), options),
  ])
}

interface StatusOutput {
  connection(state: ConnectionState): void
  executor(row: ExecutorRow): void
  packages(all: readonly PackageRow[], changed: readonly PackageRow[], now: number): void
  receipts(all: readonly SwapReceiptRow[], changed: readonly SwapReceiptRow[]): void
}

class JsonLines implements StatusOutput {
  readonly #terminal: Terminal

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  connection(state: ConnectionState): void {
    reportLoss(this.#terminal, state)
  }

  executor(row: ExecutorRow): void {
    this.#write('executor', row)
  }

  packages(_all: readonly PackageRow[], changed: readonly PackageRow[]): void {
    for (const row of changed) this.#write('packages', row)
  }

  receipts(_all: readonly SwapReceiptRow[], changed: readonly SwapReceiptRow[]): void {
    for (const row of oldestFirst(changed)) this.#write('receipts', row)
  }

  #write(topic: string, row: object): void {
    writeLine(this.#terminal.stdout, JSON.stringify({ topic, row }))
  }
}

class ChangeLines implements StatusOutput {
  readonly #terminal: Terminal
  readonly #shown = new Map<string, string>()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  connection(state: ConnectionState): void {
    reportLoss(this.#terminal, state)
  }

  executor(row: ExecutorRow): void {
    this.#once('executor', `executor ${row.state}, ${row.packages} packages, epoch ${row.epoch}`)
  }

  packages(_all: readonly PackageRow[], changed: readonly PackageRow[], now: number): void {
    const paint = paintFor(this.#terminal)
    for (const row of changed) {
      const key = `${row.tenant}::${row.package}`
      this.#once(key, packageLines(row, now, paint).join('\n'))
    }
  }

  receipts(_all: readonly SwapReceiptRow[], changed: readonly SwapReceiptRow[]): void {
    for (const row of oldestFirst(changed)) this.#once(`#${row.epoch}`, receiptLine(row))
  }

  #once(key: string, text: string): void {
    if (this.#shown.get(key) === text) return
    this.#shown.set(key, text)
    writeLine(this.#terminal.stdout, text)
  }
}

class Screen implements StatusOutput {
  readonly #terminal: Terminal
  #connection: ConnectionState = { kind: 'connecting' }
  #executor: ExecutorRow | undefined
  #packages: readonly PackageRow[] = []
  #receipts: readonly SwapReceiptRow[] = []

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  connection(state: ConnectionState): void {
    this.#connection = state
    this.#draw()
  }

  executor(row: ExecutorRow): void {
    this.#executor = row
    this.#draw()
  }

  packages(all: readonly PackageRow[], _changed: readonly PackageRow[], now: number): void {
    this.#packages = [...all].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    if (this.#executor !== undefined) this.#executor = { ...this.#executor, now }
    this.#draw()
  }

  receipts(all: readonly SwapReceiptRow[]): void {
    this.#receipts = oldestFirst(all).reverse().slice(0, RECEIPTS_SHOWN)
    this.#draw()
  }

  #draw(): void {
    if (this.#executor === undefined) return
    const paint = paintFor(this.#terminal)
    const text = renderStatus(
      { executor: this.#executor, packages: this.#packages, receipts: this.#receipts },
      paint,
    )
    // Times stand still at what the server said last; the line says that they do.
    const { kind } = this.#connection
    const stale = kind === 'live' ? '' : `\n\n${paint('red', 'connection lost, trying again')}`
    this.#terminal.stdout.write(`${HOME_AND_CLEAR}${text}${stale}\n`)
  }
}

function reportLoss({ stderr }: Terminal, state: ConnectionState): void {
  if (state.kind !== 'waiting') return
  writeLine(
    stderr,
    `connection lost (${state.why}), trying again in ${Math.round(state.retryInMs)} ms`,
  )
}

function oldestFirst(rows: readonly SwapReceiptRow[]): SwapReceiptRow[] {
  return [...rows].sort((a, b) => a.epoch - b.epoch)
}

function keyOf(row: PackageRow): string {
  return `${row.tenant}::${row.package}`
}
