/**
 * Where in the author's files the cause of an error lies.
 *
 * In this order: the places the bundler names; the stack of what the code threw, led back from the
 * thread's slot to the source folder; the declaration that the error names, found in the text of the
 * modules. The last is a search, not a parse: it finds a name where it is first written as a literal.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HeadgateError } from '../../base/errors.ts'
import type { Place } from '../bundle-fault.ts'
import { declarationOf, type Needle } from './declaration.ts'

export interface SourcePlace {
  /** Absolute path. */
  readonly file: string
  /** From 1; null: the whole file is meant. */
  readonly line: number | null
  readonly column: number | null
  /** What is wrong there; null: what the error says. */
  readonly text: string | null
}

export interface FaultSurroundings {
  /** Absolute path of the source folder. */
  readonly dir: string
  /** Absolute path of the folder that holds the threads' slots. */
  readonly slotsDir: string
  /** Absolute paths of the modules of the version; empty: it was not bundled. */
  readonly modules: readonly string[]
}

export function placesOf(error: HeadgateError, around: FaultSurroundings): readonly SourcePlace[] {
  const { places, stack } = error.details
  if (Array.isArray(places)) {
    return (places as Place[]).map((place) => ({ ...place, file: join(around.dir, place.file) }))
  }
  if (error.code === 'PACKAGE_JSON_INVALID') return [inPackageJson(error, around.dir)]
  const framed = typeof stack === 'string' ? frameOf(stack, around) : null
  const place = framed ?? declared(error, around)
  return place === null ? [] : [place]
}

/** Paths in a thread's slot become those of the author's files. */
export function authorText(text: string, { dir, slotsDir }: FaultSurroundings): string {
  const parts = text.replaceAll(`file://${slotsDir}/`, `${slotsDir}/`).split(`${slotsDir}/`)
  return parts.map((part, at) => (at === 0 ? part : part.replace(/^[^/\s]+/, dir))).join('')
}

/** `at f (/path/x.ts:3:5)`, `at /path/x.ts:3:5` */
const FRAME = /^\s+at (?:.*\()?(\/.*?):(\d+):(\d+)\)?$/gm

function frameOf(stack: string, around: FaultSurroundings): SourcePlace | null {
  const frames = [...authorText(stack, around).matchAll(FRAME)].map(
    ([, file = '', line, column]) => ({
      file,
      line: Number(line),
      column: Number(column),
      text: null,
    }),
  )
  const own = frames.filter(
    ({ file }) => file.startsWith(`${around.dir}/`) && !file.includes('/node_modules/'),
  )
  return own.find(({ file }) => existsSync(file)) ?? null
}

function inPackageJson({ message }: HeadgateError, dir: string): SourcePlace {
  const file = join(dir, 'package.json')
  const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(message) ?? []
  if (line !== undefined) return { file, line: Number(line), column: Number(column), text: null }
  const [, path] = /unknown key ([\w.]+)/.exec(message) ?? /refused: ([\w.]+): /.exec(message) ?? []
  const keys = path?.split('.').map((key): Needle => ({ kind: 'key', name: key })) ?? []
  const found = declarationOf(keys, [file], read) ?? { file, line: null, column: null }
  return { ...found, text: null }
}

/** What the error is about, from the outside inwards. */
function declared(
  { details, message }: HeadgateError,
  around: FaultSurroundings,
): SourcePlace | null {
  const named = (kind: 'workflow' | 'task'): string | undefined => {
    const detail = details[kind]
    if (typeof detail === 'string') return detail
    return new RegExp(`\\b${kind}s?[ []([\\w.-]+)`).exec(message)?.[1]
  }
  const workflow = named('workflow')
  const task = named('task')
  const key =
    /unknown key "?([\w$]+)/.exec(message)?.[1] ??
    /\]\.([\w$.]+): /.exec(message)?.[1]?.split('.').at(-1)
  const name = details['name'] ?? details['value']
  const needles: Needle[] = []
  if (workflow !== undefined) needles.push({ kind: 'workflow', name: workflow })
  if (task !== undefined) needles.push({ kind: 'task', name: task })
  if (key !== undefined) needles.push({ kind: 'key', name: key })
  if (typeof name === 'string') needles.push({ kind: 'text', name })
  const own = around.modules.filter(
    (path) => path.startsWith(`${around.dir}/`) && !path.includes('/node_modules/'),
  )
  const found = declarationOf(needles, own, read)
  return found === null ? null : { ...found, text: null }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
