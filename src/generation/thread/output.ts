/**
 * What a package writes: console, process.stdout, process.stderr and ctx.log, gathered in the
 * thread and sent in small batches, so that a flood costs the executor nothing.
 *
 * Owns: the limits: LINES_A_LOG lines and LINE_CHARS a line per window of WINDOW_MS; what is over is
 * counted, not kept.
 * Does not own: fs.writeSync(1, …), which no thread can capture (README: non-guarantees).
 */

import { systemClock } from '../../base/clock.ts'
import { excerpt } from '../../hosting/excerpt.ts'
import { fieldsText, StreamCapture, taskLog } from '../../hosting/package-output.ts'
import { runningTask } from '../../hosting/running-task.ts'
import { LINE_CHARS, LINES_A_LOG } from '../../protocol/lane-limits.ts'
import type { ThreadLogLine } from '../../protocol/lane-messages.ts'
import type { TaskLog } from '../../sdk/context.ts'
import type { LanePort } from './lane-port.ts'

const WINDOW_MS = 100

export class Output {
  readonly #port: LanePort
  readonly #streams = new StreamCapture((task, stream, line) => this.#add(task, stream, line))
  #lines: ThreadLogLine[] = []
  #dropped = 0
  #armed = false

  constructor(port: LanePort) {
    this.#port = port
  }

  /** Redirects this thread's standard streams. */
  capture(): void {
    this.#streams.capture()
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
      message: excerpt(message, LINE_CHARS),
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
    this.#streams.end()
    this.flush()
  }

  /** The `log` of a task context. */
  taskLog(): TaskLog {
    return taskLog((level, message, fields) => this.add(level, message, fields))
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
