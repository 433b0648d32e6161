/**
 * A workflow's graph as text: a tree in which each task hangs below the dependency it has to wait for
 * longest, and names the others it waits for.
 */

import type { WorkflowDescriptor } from '../domain/descriptor.ts'

/** One line a task, in an order in which they can run. Without a final line break. */
export function graphLines({ tasks }: WorkflowDescriptor): readonly string[] {
  const depths = depthsOf(tasks)
  const depth = (index: number): number => depths[index] ?? 0
  /** The deepest dependency; of equally deep ones the last declared. */
  const parents = tasks.map(({ after }) =>
    after.reduce<number | null>(
      (best, index) => (best === null || depth(index) >= depth(best) ? index : best),
      null,
    ),
  )
  const childrenOf = (parent: number | null): readonly number[] =>
    tasks.map((_, index) => index).filter((index) => parents[index] === parent)
  const lines: string[] = []
  const draw = (index: number, indent: string, branch: string, below: string): void => {
    const task = tasks[index]
    if (task === undefined) return
    const others = task.after
      .filter((other) => other !== parents[index])
      .map((other) => tasks[other]?.name)
    const also = others.length === 0 ? '' : `  (also after ${others.join(', ')})`
    lines.push(`${indent}${branch}${task.name}${also}`)
    const children = childrenOf(index)
    for (const [at, child] of children.entries()) {
      const isLast = at === children.length - 1
      draw(child, `${indent}${below}`, isLast ? '└─ ' : '├─ ', isLast ? '   ' : '│  ')
    }
  }
  for (const root of childrenOf(null)) draw(root, '', '', '')
  return lines
}

/** Longest way from a task without dependencies. Graphs were checked: there is no cycle. */
function depthsOf(tasks: WorkflowDescriptor['tasks']): readonly number[] {
  const depths = tasks.map(() => 0)
  const open = tasks.map(({ after }) => after.length)
  const ready = tasks.flatMap(({ after }, index) => (after.length === 0 ? [index] : []))
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    for (const dependent of tasks[index]?.dependents ?? []) {
      depths[dependent] = Math.max(depths[dependent] ?? 0, (depths[index] ?? 0) + 1)
      open[dependent] = (open[dependent] ?? 0) - 1
      if (open[dependent] === 0) ready.push(dependent)
    }
  }
  return depths
}
