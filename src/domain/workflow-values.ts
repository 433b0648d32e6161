/**
 * The values between the tasks of a workflow, as JSON text: put together, never parsed.
 *
 * `outputs`: by task index.
 */

type Outputs = readonly (string | undefined)[]

interface NamedTasks {
  readonly tasks: readonly { readonly name: string }[]
  readonly sinks: readonly number[]
}

/** `{"input": …, "deps": {"<task>": output}}` of one task. `input`: empty for none. */
export function taskBody(
  workflow: NamedTasks,
  after: readonly number[],
  input: string,
  outputs: Outputs,
): string {
  const head = input === '' ? '' : `"input":${input},`
  return `{${head}"deps":${byName(workflow, after, outputs)}}`
}

/** `{"<task>": output}` of the tasks nothing depends on. */
export function workflowAnswer(workflow: NamedTasks, outputs: Outputs): string {
  return byName(workflow, workflow.sinks, outputs)
}

function byName({ tasks }: NamedTasks, indexes: readonly number[], outputs: Outputs): string {
  const parts = indexes.map(
    (index) => `${JSON.stringify(tasks[index]?.name)}:${outputs[index] ?? 'null'}`,
  )
  return `{${parts.join(',')}}`
}
