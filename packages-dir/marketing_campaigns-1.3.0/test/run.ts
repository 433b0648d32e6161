/** Runs tasks of a definition with a small context, without an executor. */

import type { TaskContext, WorkflowDefinition } from 'headgate/sdk'

export type Outputs = Record<string, unknown>

export async function runTask(
  workflow: WorkflowDefinition,
  name: string,
  outputs: Outputs,
  input: unknown,
): Promise<unknown> {
  const task = workflow.tasks.find((candidate) => candidate.name === name)
  if (task === undefined) throw new Error(`no task ${name}`)
  const after = (task.options['after'] ?? []) as readonly string[]
  const deps = Object.fromEntries(after.map((dependency) => [dependency, outputs[dependency]]))
  const output = await task.run(deps, context(await checkInput(workflow, input)))
  // As in the executor: what the next task gets went through JSON.
  return JSON.parse(JSON.stringify(output))
}

/** The outputs of all tasks, by name; tasks are declared after what they depend on. */
export async function runAll(workflow: WorkflowDefinition, input?: unknown): Promise<Outputs> {
  const outputs: Outputs = {}
  for (const { name } of workflow.tasks)
    outputs[name] = await runTask(workflow, name, outputs, input)
  return outputs
}

/** The input after its schema; throws with all issues, `path: message`. */
export async function checkInput(workflow: WorkflowDefinition, input: unknown): Promise<unknown> {
  if (workflow.input === undefined) return input
  const result = await workflow.input['~standard'].validate(input)
  if (result.issues === undefined) return result.value
  const lines = result.issues.map(
    ({ path = [], message }) => `${path.map(String).join('.')}: ${message}`,
  )
  throw new Error(lines.join('\n'))
}

function context(input: unknown): TaskContext {
  const silent = (): void => {}
  return {
    input,
    signal: new AbortController().signal,
    deadline: Number.POSITIVE_INFINITY,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    attempt: 1,
    idempotencyKey: 'test',
    tenant: 'public',
    package: 'test',
    version: '0.0.0',
    run: 'test',
    generation: 1,
    config: undefined,
    secrets: {},
    resources: undefined,
    progress: silent,
    invoke: async () => {
      throw new Error('these tasks call no other package')
    },
  }
}
