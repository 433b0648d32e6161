/**
 * What a package writes: console, process.stdout, process.stderr and ctx.log, gathered in the
 * thread and sent in small batches, so that a flood costs the executor nothing.
 *
 * Owns: the limits: LINES_A_LOG lines and LINE_CHARS a line per window of WINDOW_MS; what is over is
 * counted, not kept.
 * Does not own: fs.writeSync(1, …), which no thread can capture (README: non-guarantees).
 *
 * U1  text after the last line break is a line of its own when the thread ends (end()).
 */

import { systemClock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import { LINE_CHARS, LINES_A_LOG } from '../../protocol/lane-limits.ts'
import type { ThreadLogLine } from '../../protocol/lane-messages.ts'
import type { TaskLog } from '../../sdk/context.ts'
import { type LanePort, runningTask } from './lane-port.ts'

const WINDOW_MS = 100

/** What a stream wrote after its last line break, and who wrote it last. */
interface Unfinished {
  readonly text: string
  readonly task: string | null
}

export class Output {
  readonly #port: LanePort
  readonly #unfinished = new Map<'stdout' | 'stderr', Unfinished>()
  #lines: ThreadLogLine[] = []
  #dropped = 0
  #armed = false

  constructor(port: LanePort) {
    this.#port = port
  }

  /** Redirects this thread's standard streams. */
  capture(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
        const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString()
        const lines = ((this.#unfinished.get(name)?.text ?? '') + text).split('\n')
        const rest = (lines.pop() ?? '').slice(0, LINE_CHARS)
        this.#unfinished.set(name, { text: rest, task: runningTask.getStore() ?? null })
        for (const line of lines) this.add(name, line)
        const callback = typeof encoding === 'function' ? encoding : done
        if (typeof callback === 'function') queueMicrotask(() => callback())
        return true
      }
      process[name].write = write
    }
  }

  add(level: ThreadLogLine['level'], message: string, fields?: unknown): void {
    this.#add(runningTask.getStore() ?? null, level, message, fields)
  }

  #add(
    task: string | null,
    level: ThreadLogLine['level'],
    message: string,
    fields?: unknown,
  ): void {
    if (this.#lines.length >= LINES_A_LOG) {
      this.#dropped++
      this.#arm()
      return
    }
    const text = fields === undefined ? undefined : fieldsText(fields)
    this.#lines.push({
      at: systemClock.now(),
      level,
      task,
      message: message.slice(0, LINE_CHARS),
      ...(text === undefined ? {} : { fields: text }),
    })
    this.#arm()
  }

  /** Sends what is gathered now. */
  flush(): void {
    if (this.#lines.length === 0 && this.#dropped === 0) return
    this.#port.send({ type: 'log', lines: this.#lines, dropped: this.#dropped })
    this.#lines = []
    this.#dropped = 0
  }

  /** The same with what has no line break yet: nothing more will be written, or the thread ends. */
  end(): void {
    for (const [name, { text, task }] of this.#unfinished) {
      if (text !== '') this.#add(task, name, text)
    }
    this.#unfinished.clear()
    this.flush()
  }

  /** The `log` of a task context. */
  taskLog(): TaskLog {
    const at =
      (level: 'debug' | 'info' | 'warn' | 'error') =>
      (first: string | Readonly<Record<string, unknown>>, second?: string): void => {
        if (typeof first === 'string') this.add(level, first)
        else this.add(level, second ?? '', first)
      }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    systemClock.after(WINDOW_MS, () => {
      this.#armed = false
      this.flush()
    })
  }
}

function fieldsText(fields: unknown): string {
  try {
    return (JSON.stringify(fields) ?? 'null').slice(0, LINE_CHARS)
  } catch (error) {
    return JSON.stringify({ unreadable: messageOf(error) }).slice(0, LINE_CHARS)
  }
}
