/**
 * What a package writes, line by line: console, process.stdout and process.stderr, and ctx.log.
 *
 * Does not own: how much of it is kept and where it goes.
 */

import { messageOf } from '../base/errors.ts'
import { LINE_CHARS } from '../protocol/lane-limits.ts'
import type { TaskLog } from '../sdk/context.ts'
import { stringifyWithin } from './bounded-json.ts'
import { runningTask } from './running-task.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type AddLog = (level: LogLevel, message: string, fields?: unknown) => void

/** What a stream wrote after its last line break, and who wrote it last. */
interface Unfinished {
  readonly text: string
  readonly task: string | null
}

/** U1  text after the last line break is a line of its own at end(). */
export class StreamCapture {
  readonly #add: (task: string | null, stream: 'stdout' | 'stderr', line: string) => void
  readonly #unfinished = new Map<'stdout' | 'stderr', Unfinished>()

  /** `task`: which wrote the line, `workflow::task`. */
  constructor(add: (task: string | null, stream: 'stdout' | 'stderr', line: string) => void) {
    this.#add = add
  }

  /** Redirects this thread's standard streams for ever. */
  capture(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
        const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString()
        const lines = ((this.#unfinished.get(name)?.text ?? '') + text).split('\n')
        const task = runningTask.getStore() ?? null
        this.#unfinished.set(name, { text: (lines.pop() ?? '').slice(0, LINE_CHARS), task })
        for (const line of lines) this.#add(task, name, line)
        const callback = typeof encoding === 'function' ? encoding : done
        if (typeof callback === 'function') queueMicrotask(() => callback())
        return true
      }
      process[name].write = write
    }
  }

  /** Nothing more will be written, or the thread ends. */
  end(): void {
    for (const [name, { text, task }] of this.#unfinished) {
      if (text !== '') this.#add(task, name, text)
    }
    this.#unfinished.clear()
  }
}

/** The `log` of a context. */
export function taskLog(add: AddLog): TaskLog {
  const at =
    (level: LogLevel) =>
    (first: string | Readonly<Record<string, unknown>>, second?: string): void => {
      if (typeof first === 'string') add(level, first)
      else add(level, second ?? '', first)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Fields of a log line as JSON, cut to LINE_CHARS; what is no JSON says so. */
export function fieldsText(fields: unknown): string {
  try {
    return (stringifyWithin(fields, LINE_CHARS) ?? 'null').slice(0, LINE_CHARS)
  } catch (error) {
    return JSON.stringify({ unreadable: messageOf(error) }).slice(0, LINE_CHARS)
  }
}

/** What fieldsText() wrote, as an object; a text that was cut as `{ text }`. */
export function readFields(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : { value }
  } catch {
    return { text }
  }
}
