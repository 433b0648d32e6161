/** How a program names a task: by its namespace or the parts of it. */

import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'
import { checkName } from '../domain/names.ts'
import { formatNamespace, parseNamespace } from '../domain/namespace.ts'
import { firstProblem, strictObject } from '../domain/schema.ts'
import type { TaskAddress } from './api.ts'

const addressSchema = strictObject({
  tenant: z.string(),
  package: z.string(),
  workflow: z.string(),
  task: z.string(),
})

/** `tenant::package::workflow::task`; throws NAMESPACE_INVALID, NAME_INVALID, OPTION_INVALID. */
export function taskNamespace(address: string | TaskAddress): string {
  if (typeof address === 'string') {
    if (parseNamespace(address).task !== null) return address
    const why = 'it names a workflow, and a task is wanted'
    throw new HeadgateError('NAMESPACE_INVALID', { value: JSON.stringify(address), why })
  }
  const parsed = addressSchema.safeParse(address)
  if (!parsed.success) {
    const why = firstProblem(parsed.error, address)
    throw new HeadgateError('OPTION_INVALID', { option: 'getTask', why })
  }
  const { tenant, package: name, workflow, task } = parsed.data
  return formatNamespace({
    tenant: checkName('tenant', tenant),
    package: checkName('package', name),
    workflow: checkName('workflow', workflow),
    task: checkName('task', task),
  })
}
