/** What a caller of a workflow or task that a version does not have is told. */

import { HeadgateError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import type { PackageDescriptor } from './descriptor.ts'

/** UNKNOWN_WORKFLOW or UNKNOWN_TASK. `key`: `workflow::task`, or the workflow. */
export function unknownTask(
  serving: {
    readonly package: string
    readonly version: string
    readonly descriptor: PackageDescriptor | undefined
  },
  key: string,
): HeadgateError {
  const [workflow = '', task = ''] = key.split('::')
  const { package: name, version } = serving
  const workflows = serving.descriptor?.workflows ?? []
  const found = workflows.find((one) => one.name === workflow)
  if (found === undefined) {
    const nearest = didYouMean(
      workflow,
      workflows.map((one) => one.name),
    )
    return new HeadgateError('UNKNOWN_WORKFLOW', { package: name, version, workflow, nearest })
  }
  const nearest = didYouMean(
    task,
    found.tasks.map((one) => one.name),
  )
  return new HeadgateError('UNKNOWN_TASK', { package: name, version, workflow, task, nearest })
}
