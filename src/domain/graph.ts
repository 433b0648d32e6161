/**
 * The declared task graph of one workflow: names resolved to indexes, and checked.
 */

import { HeadgateError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { printable } from './names.ts'

export interface DeclaredTask {
  readonly name: string
  readonly after: readonly string[]
}

/** Edges by index into the declared tasks. */
export interface TaskGraph {
  readonly after: readonly (readonly number[])[]
  readonly dependents: readonly (readonly number[])[]
  /** Tasks that nothing depends on, in declared order. */
  readonly sinks: readonly number[]
}

/**
 * Throws GRAPH_INVALID: empty, duplicate, unknown or self dependency, cycle. Its details have the
 * `task` it is about and, where that task names another one wrongly, the `name` as written.
 */
export function buildGraph(workflow: string, tasks: readonly DeclaredTask[]): TaskGraph {
  const refuse = (why: string, task?: string, name?: string): HeadgateError =>
    new HeadgateError('GRAPH_INVALID', { workflow, why, task, name })
  if (tasks.length === 0) throw refuse('it has no task')

  const indexes = new Map<string, number>()
  for (const [index, { name }] of tasks.entries()) {
    if (indexes.has(name)) throw refuse(`task ${name} is declared twice`, name)
    indexes.set(name, index)
  }

  const dependents: number[][] = tasks.map(() => [])
  const after = tasks.map((task, index) => {
    const seen = new Set<number>()
    for (const wanted of task.after) {
      const dependency = indexes.get(wanted)
      if (dependency === undefined) {
        const near = didYouMean(wanted.slice(0, 80), indexes.keys())
        const why = `task ${task.name} comes after ${printable(wanted)}, which it has not${near}`
        throw refuse(why, task.name, wanted)
      }
      if (dependency === index) {
        throw refuse(`task ${task.name} comes after itself`, task.name, wanted)
      }
      if (seen.has(dependency)) {
        throw refuse(`task ${task.name} names ${wanted} twice in after`, task.name, wanted)
      }
      seen.add(dependency)
      dependents[dependency]?.push(index)
    }
    return Object.freeze([...seen])
  })

  const cycle = findCycle(after)
  if (cycle !== null) {
    const path = cycle.map((index) => tasks[index]?.name).join(' -> ')
    throw refuse(`its tasks wait for each other: ${path}`, tasks[cycle[0] ?? 0]?.name)
  }
  const sinks = tasks.flatMap((_, index) => (dependents[index]?.length === 0 ? [index] : []))
  return { after, dependents: dependents.map((list) => Object.freeze(list)), sinks }
}

/** The first cycle along `after`, its first task repeated at the end; no recursion, any depth. */
function findCycle(after: readonly (readonly number[])[]): number[] | null {
  const state = new Uint8Array(after.length)
  const [OPEN, DONE] = [1, 2]
  for (let root = 0; root < after.length; root++) {
    if (state[root] !== 0) continue
    const path = [{ task: root, next: 0 }]
    state[root] = OPEN
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const dependency = after[top.task]?.[top.next++]
      if (dependency === undefined) {
        state[top.task] = DONE
        path.pop()
      } else if (state[dependency] === OPEN) {
        const tasks = path.map(({ task }) => task)
        return [...tasks.slice(tasks.indexOf(dependency)), dependency]
      } else if (state[dependency] === 0) {
        state[dependency] = OPEN
        path.push({ task: dependency, next: 0 })
      }
    }
  }
  return null
}
