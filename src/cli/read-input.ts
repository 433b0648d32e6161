/** The JSON a command sends: `--body TEXT`, `--input FILE`, or `--input -` for stdin. */

import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { HeadgateError, messageOf } from '../base/errors.ts'
import type { Terminal } from './terminal.ts'

export interface InputOptions {
  readonly input?: string
  readonly body?: string
}

/** Empty for none; not checked to be JSON. Throws OPTION_INVALID. */
export async function readInput(
  terminal: Terminal,
  { input, body }: InputOptions,
): Promise<string> {
  if (body !== undefined) return body
  if (input === undefined) return ''
  if (input === '-') return text(terminal.stdin)
  try {
    return readFileSync(input, 'utf8')
  } catch (error) {
    throw new HeadgateError('OPTION_INVALID', { option: '--input', why: messageOf(error) })
  }
}
