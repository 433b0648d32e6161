/**
 * The three streams of a command, and what may be written on them.
 */

import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

export interface Terminal {
  readonly stdin: Readable
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
}

export type Paint = (style: Style, text: string) => string
export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'

/** Colours only where a person looks, and never against NO_COLOR. */
export function paintFor(terminal: Terminal): Paint {
  const noColor = terminal.env['NO_COLOR']
  const coloured = terminal.stdout.isTTY === true && (noColor === undefined || noColor === '')
  return coloured
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text
}

/** Text of a package, safe on a terminal: no control characters, no escape sequences. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
}

export function writeLine(stream: Writable, text: string): void {
  stream.write(`${text}\n`)
}
