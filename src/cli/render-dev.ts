/** What happens during `headgate dev`, as lines of text or as one JSON line an event. */

import { relative } from 'node:path'
import type { PackageLogLine } from '../executor/api.ts'
import type { NotServed, Served } from '../packaging/dev/dev-events.ts'
import type { SourcePlace } from '../packaging/dev/fault-places.ts'
import { toProblem } from '../protocol/problem-record.ts'
import { plain } from './terminal.ts'

export interface DevLines {
  /** Where the user stands: paths are shown from there. */
  readonly cwd: string
  /** The source folder. */
  readonly dir: string
}

export function servedLines(served: Served, at: number): readonly string[] {
  const { version, again, ms, warnings } = served
  const parts = (['bundle', 'stage', 'load', 'swap'] as const).map(
    (part) => `${part} ${Math.round(ms[part])}`,
  )
  const how = `${again ? 'serving again' : 'serving'} after ${Math.round(ms.total)} ms`
  return [
    `${time(at)}  ${what(served)} → ${version} ${how} (${parts.join(', ')})`,
    ...warnings.map((warning) => `  warning: ${plain(warning)}`),
  ]
}

export function refusedLines(refused: NotServed, at: number, lines: DevLines): readonly string[] {
  const { error, places, servesOn } = refused
  const rest = servesOn === null ? 'nothing serves yet' : `${servesOn} serves on`
  const message = shorten(error.message, lines)
  return [
    `${time(at)}  ${what(refused)} → ${error.code}; ${rest}`,
    ...(places.length === 0
      ? [`  ${message}`]
      : places.map((place) => `  ${placeText(place, lines)}: ${place.text ?? message}`)),
  ].map(plainLine)
}

/** Of the package itself. `authorText` leads paths back to the source folder. */
export function logLine(
  { at, level, task, message, fields }: PackageLogLine,
  authorText: (text: string) => string,
  lines: DevLines,
): string {
  const more = fields === undefined ? '' : ` ${JSON.stringify(fields)}`
  const from = task === null ? 'package' : task.slice(task.indexOf('::') + 2)
  const text = shorten(authorText(message), lines)
  return plainLine(`${time(at)}  ${from}: [${level}] ${text}${more}`)
}

export function servedRecord(served: Served, at: number): object {
  return { type: 'serving', at, ...served }
}

export function refusedRecord({ error, places, changed, servesOn }: NotServed, at: number): object {
  return { type: 'refused', at, error: toProblem(error), places, changed, servesOn }
}

function what({ changed }: Pick<Served, 'changed'>): string {
  const [first] = changed
  if (first === undefined) return 'source folder'
  const more = changed.length > 1 ? ` and ${changed.length - 1} more` : ''
  return `changed ${plain(first)}${more}`
}

function placeText({ file, line, column }: SourcePlace, { cwd }: DevLines): string {
  const path = relative(cwd, file)
  const shown = path.startsWith('..') ? file : path
  return line === null ? shown : `${shown}:${line}:${column}`
}

function shorten(text: string, { cwd }: DevLines): string {
  return text.replaceAll(`${cwd}/`, '')
}

function plainLine(text: string): string {
  const indent = /^ */.exec(text)?.[0] ?? ''
  return `${indent}${plain(text.slice(indent.length))}`
}

function time(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}
