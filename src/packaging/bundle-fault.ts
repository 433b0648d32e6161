/** What esbuild says of code that it cannot bundle, as one coded error with its places. */

import type { Message } from 'esbuild'
import { HeadgateError } from '../base/errors.ts'

/** A place in a source file. */
export interface Place {
  /** As esbuild has it: relative to the package's top. */
  readonly file: string
  /** From 1, both. */
  readonly line: number
  readonly column: number
  readonly text: string
}

/** BUNDLE_FAILED with `errors` (sentences) and `places`; what is not esbuild's is thrown as it is. */
export function bundleFault(name: string, fault: unknown): HeadgateError {
  const errors = messagesOf(fault)
  if (errors.length === 0) throw fault
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  const lines = errors.map(placed)
  const places = errors.map(placeOf).filter((place) => place !== null)
  const details = { package: name, why: `${lines[0]}${more}`, errors: lines, places }
  return new HeadgateError('BUNDLE_FAILED', details, { cause: fault })
}

/** `src/index.ts:3:21: Could not resolve "x"`. */
export function placed(message: Message): string {
  const place = placeOf(message)
  if (place === null) return message.text
  return `${place.file}:${place.line}:${place.column}: ${place.text}`
}

function placeOf({ text, location }: Message): Place | null {
  if (location === null) return null
  return { file: location.file, line: location.line, column: location.column + 1, text }
}

function messagesOf(fault: unknown): readonly Message[] {
  const errors: unknown =
    typeof fault === 'object' && fault !== null ? Reflect.get(fault, 'errors') : null
  return Array.isArray(errors) ? errors : []
}
