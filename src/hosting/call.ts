/**
 * One call of a task's code: what goes in, and what is made of what comes out.
 */

import { messageOf } from '../base/errors.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'
import type { TaskContext } from '../sdk/context.ts'
import { JsonTooLarge, stringifyWithin } from './bounded-json.ts'
import { InputRefusal, readBody } from './body.ts'
import { type Checked, check } from './check.ts'
import type { LoadedTask } from './definition.ts'
import { faultOf } from './fault.ts'

/**
 * Reads the body, checks the input, runs the task. Synchronous where schema and task are. What it
 * throws or rejects with is for callFault().
 *
 * `begin`: called with the checked input, immediately before the task; its context.
 */
export function callTask(
  { workflow, task, after }: Pick<LoadedTask, 'workflow' | 'task' | 'after'>,
  text: string,
  begin: (input: unknown) => TaskContext,
): unknown {
  const body = readBody(text, after)
  const schema = workflow.input
  if (schema === undefined) return task.run(body.deps, begin(body.input))
  const checked = check(schema, body.input)
  return checked instanceof Promise
    ? checked.then((result) => task.run(body.deps, begin(accepted(result))))
    : task.run(body.deps, begin(accepted(checked)))
}

/** The output as JSON text, or why it cannot travel. Nothing returned is null. */
export function outputText(value: unknown, limit: number): string | TaskFault {
  let json: string | undefined
  try {
    json = stringifyWithin(value, limit)
  } catch (error) {
    if (JsonTooLarge.is(error)) return { ...refused('RESULT_TOO_LARGE', 'too large'), limit }
    return refused('NOT_SERIALISABLE', messageOf(error))
  }
  if (json === undefined) {
    return value === undefined
      ? 'null'
      : refused('NOT_SERIALISABLE', `a ${typeof value} has no JSON form`)
  }
  // No character takes more than three bytes: most outputs need no count.
  if (json.length * 3 > limit) {
    const bytes = Buffer.byteLength(json)
    if (bytes > limit) return { ...refused('RESULT_TOO_LARGE', 'too large'), bytes, limit }
  }
  return json
}

/** The fault of a call that threw. */
export function callFault(thrown: unknown): TaskFault {
  return InputRefusal.is(thrown) ? refused(thrown.code, thrown.message) : faultOf(thrown)
}

function refused(code: string, message: string): TaskFault {
  return { code, message, terminal: true }
}

function accepted(checked: Checked): unknown {
  if (!checked.ok) throw new InputRefusal('INPUT_INVALID', checked.why)
  return checked.value
}
