/**
 * One call of a task's code: what goes in, and what is made of what comes out.
 */

import { messageOf } from '../base/errors.ts'
import type { TaskFault } from '../protocol/lane-layout.ts'
import { JsonTooLarge, stringifyWithin } from './bounded-json.ts'
import { type Body, InputRefusal, readBody } from './body.ts'
import { type Checked, check } from './check.ts'
import type { LoadedTask } from './definition.ts'
import { faultOf } from './fault.ts'
import type { EnterTask } from './running-task.ts'

/**
 * What a call gives its task, read and checked; synchronous where the schema is. What it throws or
 * rejects with is for callFault().
 *
 * `enter`: runs the code of the package, which a schema is too.
 */
export function readCall(
  { workflow, after }: Pick<LoadedTask, 'workflow' | 'after'>,
  text: string,
  enter: EnterTask,
): Body | Promise<Body> {
  const body = readBody(text, after)
  const schema = workflow.input
  if (schema === undefined) return body
  const checked = enter(check, schema, body.input)
  return checked instanceof Promise
    ? checked.then((result) => accepted(body, result))
    : accepted(body, checked)
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

function accepted({ deps }: Body, checked: Checked): Body {
  if (!checked.ok) throw new InputRefusal('INPUT_INVALID', checked.why)
  return { deps, input: checked.value }
}
