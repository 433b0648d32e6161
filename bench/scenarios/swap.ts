/**
 * What a swap costs the requests that are under way: nothing may be lost, doubled or run on a wrong
 * version, and latency inside a swap is held against latency outside of it.
 */

import { helperThreadsFlags } from '../../src/cli/helper-threads.ts'
import { runSample } from '../lib/sample.ts'
import { median, sum } from '../lib/stats.ts'
import { columnOf, type From, partsOf, partsTable } from '../lib/swap-parts.ts'
import type { Table } from '../lib/table.ts'
import { openWorkspace, type Workspace } from '../lib/workspace.ts'
import type { SwapResult, SwapRound, SwapSpec } from '../samples/swap.ts'
import type { Outcome, RunOptions, Scenario } from './scenario.ts'

const SAMPLE = new URL('../samples/swap-process.ts', import.meta.url)
const IN_FLIGHT = 64
/** Share of the measured maximum at which the open loop sends. */
const OPEN_SHARE = 0.25

type Mode = 'fresh' | 'revive'

const PARTS_TITLE = 'From the rename (revive: from promote) to the first answer, ms, median'
/** A revival begins with a call, not with a drop. */
const FROM: Readonly<Record<Mode, From>> = {
  fresh: 'dropToFirstTaskMs',
  revive: 'promoteToFirstTaskMs',
}

interface Both {
  readonly closed: SwapResult
  readonly open: SwapResult
}

export const swap: Scenario = {
  name: 'swap',
  summary: 'swaps under load: losses, drop to first task, latency inside against outside a swap',
  async run(options) {
    const figures: Record<string, number> = {}
    const tables: Table[] = []
    const notes: string[] = []
    const all: SwapResult[] = []
    using workspace = openWorkspace('bench')
    for (const mode of ['fresh', 'revive'] as const) {
      const both = await runMode(mode, workspace, options)
      Object.assign(figures, figuresOf(mode, both))
      tables.push(tableOf(mode, both))
      all.push(both.closed, both.open)
      for (const loop of ['closed', 'open'] as const) {
        notes.push(...both[loop].problems, ...stallNotes(`${mode}, ${loop} loop`, both[loop]))
      }
    }
    tables.push(partsTable(PARTS_TITLE, FROM, figures))
    return {
      figures: { ...totals(all), ...headline(figures), ...figures },
      tables,
      goals: GOALS,
      notes,
    }
  },
}

const GOALS: Outcome['goals'] = [
  { figure: 'failed', atMost: 0 },
  { figure: 'lost', atMost: 0 },
  { figure: 'doubled', atMost: 0 },
  { figure: 'wrong', atMost: 0 },
  { figure: 'threadsLeft', atMost: 0 },
  { figure: 'fdsLeft', atMost: 0 },
  { figure: 'p99InsideOverOutside', atMost: 2 },
]

async function runMode(mode: Mode, workspace: Workspace, options: RunOptions): Promise<Both> {
  const dirs = {
    closed: workspace.folder(`${mode}-closed`),
    open: workspace.folder(`${mode}-open`),
  }
  const closed = await runOne(mode, { inFlight: IN_FLIGHT }, dirs.closed, options)
  const perSecond = Math.max(1, Math.round(closed.tasksPerSecond * OPEN_SHARE))
  return { closed, open: await runOne(mode, { perSecond }, dirs.open, options) }
}

async function runOne(
  mode: Mode,
  load: SwapSpec['load'],
  workDir: string,
  options: RunOptions,
): Promise<SwapResult> {
  const spec: SwapSpec = {
    mode,
    load,
    swaps: swapsOf(mode, options.quick),
    rounds: options.rounds ?? (options.quick ? 1 : 5),
    warmUpMs: options.quick ? 200 : 1500,
    workDir,
  }
  const how = 'inFlight' in load ? `${load.inFlight} in flight` : `${load.perSecond} a second`
  options.progress(`${mode}: ${spec.swaps} swaps at ${how}`)
  const result = await runSample<SwapResult>(SAMPLE, spec, helperThreadsFlags())
  const { tasks, failed, lost, doubled, wrong } = result
  options.progress(
    `${mode}: ${tasks} tasks, failed ${failed}, lost ${lost}, doubled ${doubled}, wrong ${wrong}`,
  )
  return result
}

function swapsOf(mode: Mode, quick: boolean): number {
  // A fresh one takes 2 s: the window inside, until the spare is back, and as long outside.
  return mode === 'fresh' && quick ? 1 : quick ? 10 : 200
}

/** Shorter ones every busy machine has. */
const LONG_STALL_MS = 100

/** A load that goes on while nothing answers it fills the queues, and is refused in the end. */
function stallNotes(run: string, { pausesMs, longestStallMs }: SwapResult): string[] {
  if (longestStallMs < LONG_STALL_MS && pausesMs.length === 0) return []
  const machine =
    pausesMs.length === 0
      ? 'the machine never stood still for 100 ms'
      : `the machine itself stood still ${pausesMs.length} times, ${Math.round(Math.max(...pausesMs))} ms at most`
  return [`${run}: the event loop stood still for ${Math.round(longestStallMs)} ms; ${machine}`]
}

function totals(results: readonly SwapResult[]): Record<string, number> {
  const figures: Record<string, number> = {}
  for (const key of ['swaps', 'tasks', 'failed', 'lost', 'doubled', 'wrong', 'killed'] as const) {
    figures[key] = sum(results.map((result) => result[key]))
  }
  const worst = (of: (result: SwapResult) => number): number => Math.max(...results.map(of))
  figures['threadsLeft'] = worst(({ before, after }) => after.threads - before.threads)
  figures['fdsLeft'] = worst(({ before, after }) => after.fds - before.fds)
  return figures
}

/** The figures without a prefix: of a latency ratio the worst of the four runs. */
function headline(figures: Readonly<Record<string, number>>): Record<string, number> {
  const worst = (key: string): number =>
    Math.max(...RUNS.map((run) => figures[`${run}.${key}`] ?? Number.NaN))
  return {
    'dropToFirstTaskMs.p50': figures['fresh.dropToFirstTaskMs.p50'] ?? Number.NaN,
    'dropToFirstTaskMs.p99': figures['fresh.dropToFirstTaskMs.p99'] ?? Number.NaN,
    'reviveUs.p50': figures['revive.reviveUs.p50'] ?? Number.NaN,
    p50InsideOverOutside: worst('p50InsideOverOutside'),
    p99InsideOverOutside: worst('p99InsideOverOutside'),
    'first100Ms.p99OverOutside': worst('first100Ms.p99OverOutside'),
    addedP99Ms: worst('addedP99Ms'),
  }
}

const RUNS = ['fresh.closed', 'fresh.open', 'revive.closed', 'revive.open'] as const

function figuresOf(mode: Mode, both: Both): Record<string, number> {
  const results = [both.closed, both.open]
  const figures = partsOf(mode, FROM[mode], results)
  for (const key of ['swaps', 'tasks', 'failed', 'lost', 'doubled', 'wrong'] as const) {
    figures[`${mode}.${key}`] = sum(results.map((result) => result[key]))
  }
  const revived = results.flatMap((r) => r.receipts).filter(({ spare }) => spare === 'revive')
  figures[`${mode}.revived`] = revived.length
  figures[`${mode}.reviveUs.p50`] = median(columnOf(revived, 'swapMs')) * 1000
  for (const loop of ['closed', 'open'] as const) {
    const { rounds, tasksPerSecond, before, after } = both[loop]
    const key = `${mode}.${loop}`
    figures[`${key}.tasksPerSecond`] = tasksPerSecond
    figures[`${key}.p50InsideOverOutside`] = overRounds(rounds, (r) => r.p50Inside / r.p50Outside)
    figures[`${key}.p99InsideOverOutside`] = overRounds(rounds, (r) => r.p99Inside / r.p99Outside)
    figures[`${key}.first100Ms.p99OverOutside`] = overRounds(
      rounds,
      (r) => r.p99Early / r.p99Outside,
    )
    figures[`${key}.addedP99Ms`] = overRounds(rounds, (r) => r.p99Inside - r.p99Outside)
    figures[`${key}.threadsLeft`] = after.threads - before.threads
    figures[`${key}.fdsLeft`] = after.fds - before.fds
    figures[`${key}.rssMbBefore`] = before.rssMb
    figures[`${key}.rssMbAfter`] = after.rssMb
  }
  return figures
}

function overRounds(rounds: readonly SwapRound[], figure: (round: SwapRound) => number): number {
  return median(rounds.map(figure))
}

function tableOf(mode: Mode, both: Both): Table {
  const what = mode === 'fresh' ? 'a new version each' : 'two warm versions in turn'
  return {
    title: `${both.closed.swaps + both.open.swaps} swaps, ${what}`,
    columns: [
      '',
      'tasks/s',
      'tasks',
      'failed',
      'lost',
      'doubled',
      'wrong',
      'to 1st task p50 ms',
      'p50 in/out ms',
      'p99 in/out ms',
      'p99 of the first 100 ms',
      'RSS MB',
    ],
    rows: (['closed', 'open'] as const).map((loop) => {
      const result = both[loop]
      const of = (key: keyof SwapRound): string =>
        overRounds(result.rounds, (round) => round[key]).toFixed(2)
      return [
        `${loop} loop`,
        result.tasksPerSecond,
        result.tasks,
        result.failed,
        result.lost,
        result.doubled,
        result.wrong,
        median(result.toFirstTaskMs),
        `${of('p50Inside')} / ${of('p50Outside')}`,
        `${of('p99Inside')} / ${of('p99Outside')}`,
        of('p99Early'),
        `${Math.round(result.before.rssMb)} → ${Math.round(result.after.rssMb)}`,
      ]
    }),
  }
}
