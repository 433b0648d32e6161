/** What a caller of a workflow or task that a version does not have is told. */

import { HeadgateError } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
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
    return new HeadgateError('UNKNOWN_WORKFLOW', {
      package: name,
      version,
      workflow,
      nearest: nearest(workflow, namesOf(workflows)),
    })
  }
  return new HeadgateError('UNKNOWN_TASK', {
    package: name,
    version,
    workflow,
    task,
    nearest: nearest(task, namesOf(found.tasks)),
  })
}

function namesOf(these: readonly { readonly name: string }[]): string[] {
  return these.map(({ name }) => name)
}
