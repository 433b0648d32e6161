/**
 * What it costs to bring a task to a worker thread and its answer back, against the way everybody
 * does it (piscina), the way it is without a pool (raw), and the least code possible (floor).
 */

import { join } from 'node:path'
import { runSample } from '../lib/sample.ts'
import { median, pairedRatio, spread } from '../lib/stats.ts'
import type { Table } from '../lib/table.ts'
import { openWorkspace } from '../lib/workspace.ts'
import type { PeerName } from '../peers/peer.ts'
import type { DispatchResult, DispatchSpec } from '../samples/dispatch.ts'
import type { Outcome, RunOptions, Scenario } from './scenario.ts'

const SAMPLE = new URL('../samples/dispatch-process.ts', import.meta.url)

interface Case {
  readonly key: string
  readonly title: string
  readonly peers: readonly PeerName[]
  readonly threads: number
  readonly inFlight: number
  readonly load: DispatchSpec['load']
}

const EVERYONE: readonly PeerName[] = ['piscina', 'raw', 'floor', 'headgate']
const POOLS: readonly PeerName[] = ['piscina', 'headgate']

const CASES: readonly Case[] = [
  {
    key: 'inFlight64',
    title: 'Echo of a 200-byte object, 2 threads, 64 in flight',
    peers: EVERYONE,
    threads: 2,
    inFlight: 64,
    load: 'echo',
  },
  {
    key: 'inFlight1',
    title: 'The same, 1 thread, 1 in flight',
    peers: EVERYONE,
    threads: 1,
    inFlight: 1,
    load: 'echo',
  },
  {
    key: 'mixed',
    title: 'Short tasks (0.05 ms) beside 5 % of 10 ms, two kinds, 2 threads, 32 in flight',
    peers: POOLS,
    threads: 2,
    inFlight: 32,
    load: 'mixed',
  },
  {
    key: 'mixed.oneKind',
    title: 'The same durations, but one task kind (the duration is in the input)',
    peers: POOLS,
    threads: 2,
    inFlight: 32,
    load: 'oneKind',
  },
]

/** Results of one case: per competitor one of each round, in the order they were taken. */
type Rounds = ReadonlyMap<PeerName, readonly DispatchResult[]>

export const dispatch: Scenario = {
  name: 'dispatch',
  summary: 'task round trips: piscina, raw postMessage, a hand-written batched lane, headgate',
  async run(options) {
    const figures: Record<string, number> = {}
    const tables: Table[] = []
    for (const each of CASES) {
      const rounds = await runCase(each, options)
      tables.push(tableOf(each, rounds))
      Object.assign(figures, figuresOf(each, rounds))
    }
    return { figures, tables, goals: GOALS, notes: [] } satisfies Outcome
  },
}

const GOALS: Outcome['goals'] = [
  { figure: 'inFlight64.overPiscina', atLeast: 4 },
  { figure: 'inFlight64.overRaw', atLeast: 1.2 },
  { figure: 'inFlight64.ofFloor', atLeast: 0.7 },
  { figure: 'inFlight1.p50OverPiscina', atMost: 1.1 },
  { figure: 'mixed.shortP99OverPiscina', atMost: 1.3 },
  { figure: 'mixed.oneKind.shortP99OverPiscina', atMost: 1.6 },
]

/**
 * A B C D, A B C D, …: what disturbs the machine for a while disturbs all of them. Where rounds may be
 * short there are many: a shared machine is faster and slower by the minute.
 */
async function runCase(each: Case, options: RunOptions): Promise<Rounds> {
  const isEcho = each.load === 'echo'
  // Quick: rather one round that is warmed up than two of cold code.
  const times = options.quick
    ? { rounds: 1, warmUpMs: isEcho ? 700 : 300, measureMs: isEcho ? 300 : 400 }
    : { rounds: isEcho ? 11 : 5, warmUpMs: 1200, measureMs: isEcho ? 1000 : 4000 }
  const rounds = options.rounds ?? times.rounds
  const results = new Map<PeerName, DispatchResult[]>(each.peers.map((peer) => [peer, []]))
  using workspace = openWorkspace('bench')
  for (let round = 1; round <= rounds; round++) {
    for (const peer of each.peers) {
      const spec: DispatchSpec = {
        peer,
        threads: each.threads,
        inFlight: each.inFlight,
        load: each.load,
        warmUpMs: times.warmUpMs,
        measureMs: times.measureMs,
        workDir: workspace.folder(join(String(round), peer)),
      }
      const result = await runSample<DispatchResult>(SAMPLE, spec)
      results.get(peer)?.push(result)
      const speed = Math.round(result.tasksPerSecond).toLocaleString('en-US')
      options.progress(`${each.key} round ${round}/${rounds} ${peer}: ${speed} tasks/s`)
    }
  }
  return results
}

function column(rounds: Rounds, peer: PeerName, key: keyof DispatchResult): readonly number[] {
  return (rounds.get(peer) ?? []).map((result) => result[key])
}

function figuresOf(each: Case, rounds: Rounds): Record<string, number> {
  const figures: Record<string, number> = {}
  for (const peer of each.peers) {
    for (const key of ['tasksPerSecond', 'cpuUs', 'p50Us', 'p99Us'] as const) {
      const name = peer === 'headgate' ? `${each.key}.${key}` : `${each.key}.${peer}.${key}`
      figures[name] = median(column(rounds, peer, key))
    }
  }
  const ratio = (key: keyof DispatchResult, to: PeerName): number =>
    pairedRatio(column(rounds, 'headgate', key), column(rounds, to, key))
  switch (each.key) {
    case 'inFlight64':
      figures['inFlight64.overPiscina'] = ratio('tasksPerSecond', 'piscina')
      figures['inFlight64.overRaw'] = ratio('tasksPerSecond', 'raw')
      figures['inFlight64.ofFloor'] = ratio('tasksPerSecond', 'floor')
      figures['inFlight64.spread'] = spread(column(rounds, 'headgate', 'tasksPerSecond'))
      break
    case 'inFlight1':
      figures['inFlight1.p50OverPiscina'] = ratio('p50Us', 'piscina')
      figures['inFlight1.p99OverPiscina'] = ratio('p99Us', 'piscina')
      break
    default:
      figures[`${each.key}.shortP50OverPiscina`] = ratio('p50Us', 'piscina')
      figures[`${each.key}.shortP99OverPiscina`] = ratio('p99Us', 'piscina')
      figures[`${each.key}.tasksOverPiscina`] = ratio('tasksPerSecond', 'piscina')
  }
  return figures
}

function tableOf(each: Case, rounds: Rounds): Table {
  const whose = each.load === 'echo' ? '' : 'short '
  return {
    title: each.title,
    columns: ['', 'tasks/s', 'spread', 'CPU µs/task', `${whose}p50 µs`, `${whose}p99 µs`],
    rows: each.peers.map((peer) => [
      peer,
      median(column(rounds, peer, 'tasksPerSecond')),
      `±${Math.round(spread(column(rounds, peer, 'tasksPerSecond')) * 50)} %`,
      median(column(rounds, peer, 'cpuUs')),
      median(column(rounds, peer, 'p50Us')),
      median(column(rounds, peer, 'p99Us')),
    ]),
  }
}
