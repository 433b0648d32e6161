/**
 * An executor with a peaceful package, next to which hostile ones are dropped one after the other.
 */

import type { Test } from 'tap'
import { HeadgateError } from '../../src/base/errors.ts'
import type { Executor, ExecutorOptions } from '../../src/executor/api.ts'
import type { GenerationRow } from '../../src/protocol/status.ts'
import type { PackageText, TaskText } from '../helpers/package-files.ts'
import {
  type Teardown,
  type Workspace,
  openWorkspace,
  startExecutor,
} from '../helpers/workspace.ts'

type Asserts = Pick<Test, 'equal' | 'match'>

export interface HostileCase extends Omit<PackageText, 'name' | 'tasks'> {
  /** Body of the task that is called. */
  readonly bad: string | TaskText
  readonly input?: unknown
  /** What the call ends with: an error's code, or a value. */
  readonly code?: string
  readonly message?: RegExp
  readonly value?: unknown
  /** Threads it costs its own package. */
  readonly exits?: number
  readonly tasks?: PackageText['tasks']
}

export interface Ground {
  readonly workspace: Workspace
  readonly executor: Executor
  /** Drops a package and waits until it serves; the name is made up. */
  drop(text: Omit<PackageText, 'name'>): Promise<string>
  call(name: string, task: string, input?: unknown): Promise<unknown>
  /** The error that the call ends with; throws when it has an answer. */
  fails(name: string, task: string, input?: unknown): Promise<HeadgateError>
  /** The generation that serves the package. */
  generation(name: string): GenerationRow
  /**
   * Drops the case, calls it, and proves that the package answers afterwards and that the neighbour
   * was not disturbed.
   */
  suffer(t: Asserts, one: HostileCase): Promise<void>
}

export async function openGround(
  t: Teardown,
  options: Partial<ExecutorOptions> = {},
): Promise<Ground> {
  const workspace = openWorkspace(t)
  const neighbourTasks = {
    echo: 'return ctx.input',
    hold: 'return new Promise((resolve) => setTimeout(resolve, ctx.input, "held"))',
  }
  workspace.writePackage({ name: 'neighbour', tasks: neighbourTasks })
  const executor = await startExecutor(t, workspace, options)
  let cases = 0

  const call: Ground['call'] = (name, task, input) =>
    executor.invoke(`public::${name}::w::${task}`, input === undefined ? undefined : { input })

  const fails: Ground['fails'] = async (name, task, input) => {
    const answer = await call(name, task, input).catch((error: unknown) => error)
    if (answer instanceof HeadgateError) return answer
    throw new Error(`${name}::${task} answered ${JSON.stringify(answer)}`)
  }

  const generation: Ground['generation'] = (name) => {
    const row = executor.package('public', name)
    const found = row?.generations.find((one) => one.generation === row.activeGeneration)
    if (found === undefined) throw new Error(`${name} is not served: ${JSON.stringify(row)}`)
    return found
  }

  const drop: Ground['drop'] = async (text) => {
    const name = `case-${++cases}`
    workspace.writePackage({ ...text, name })
    await executor.reconcile()
    generation(name)
    return name
  }

  const suffer: Ground['suffer'] = async (t, one) => {
    const { bad, input, code, message, value, exits = 0, ...text } = one
    const name = await drop({ ...text, tasks: { bad, good: 'return "good"', ...one.tasks } })
    const held = call('neighbour', 'hold', 150)
    if (code === undefined) t.match(await call(name, 'bad', input), value, 'its answer')
    else {
      const error = await fails(name, 'bad', input)
      t.equal(error.code, code, `ends with ${code}: ${error.message}`)
      if (message !== undefined) t.match(error.message, message)
    }
    t.equal(await call('neighbour', 'echo', name), name, 'the neighbour answers')
    t.equal(await call(name, 'good'), 'good', 'the package answers again')
    t.equal(await held, 'held', 'the neighbour was not interrupted')
    t.match(generation('neighbour'), { generation: 1, exits: 0, failed: 0, threads: 1 })
    // What is too large does not reach it.
    const failed = code === undefined || code === 'PAYLOAD_TOO_LARGE' ? 0 : 1
    t.match(generation(name), { exits, failed, threads: 1 }, 'as the package stands')
    workspace.removePackage(name)
  }

  return { workspace, executor, call, fails, generation, drop, suffer }
}
