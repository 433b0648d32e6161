/** Prints an outcome: for people, or as one line of JSON. */

import type { Goal, Outcome } from '../scenarios/scenario.ts'
import type { Machine } from './machine.ts'
import { formatNumber, formatTable, type Table } from './table.ts'

export function toJsonLine(scenario: string, machine: Machine, outcome: Outcome): string {
  const figures = Object.fromEntries(
    Object.entries(outcome.figures).map(([key, value]) => [key, rounded(value)]),
  )
  return JSON.stringify({ scenario, node: machine.node, load: machine.load, figures })
}

export function toText(scenario: string, machine: Machine, outcome: Outcome): string {
  const head = [
    `${scenario} on Node ${machine.node}, ${machine.description}`,
    `load average at the start ${machine.load.toFixed(2)}`,
  ].join('\n')
  const parts = [head, ...outcome.tables.map(formatTable), verdict(machine, outcome)]
  if (outcome.notes.length > 0) parts.push(outcome.notes.map((note) => `note: ${note}`).join('\n'))
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

/** No verdict on a busy machine: the ratios would say how busy it was. */
function verdict(machine: Machine, outcome: Outcome): string {
  if (outcome.goals.length === 0) return ''
  const table: Table = {
    title: machine.quiet
      ? 'Goals'
      : `Goals (no verdict: the load was ${machine.load} at the start)`,
    columns: ['', 'goal', 'found', ''],
    rows: outcome.goals.map((goal) => {
      const found = outcome.figures[goal.figure] ?? Number.NaN
      return [
        goal.figure,
        goalText(goal),
        formatNumber(found),
        machine.quiet ? (isMet(goal, found) ? 'met' : 'MISSED') : '',
      ]
    }),
  }
  return formatTable(table)
}

function goalText(goal: Goal): string {
  return goal.atLeast === undefined ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`
}

function isMet(goal: Goal, found: number): boolean {
  return (
    found >= (goal.atLeast ?? Number.NEGATIVE_INFINITY) &&
    found <= (goal.atMost ?? Number.POSITIVE_INFINITY)
  )
}

/** JSON has no NaN: a figure that could not be taken is left out by JSON.stringify. */
function rounded(value: number): number | undefined {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : undefined
}
