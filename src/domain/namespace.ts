/**
 * `tenant::package::workflow` and `tenant::package::workflow::task`: what a caller names.
 */

import { HeadgateError } from '../base/errors.ts'
import { isName, type NameKind, printable } from './names.ts'

export interface Namespace {
  readonly tenant: string
  readonly package: string
  readonly workflow: string
  /** null: the whole workflow. */
  readonly task: string | null
}

const KINDS: readonly NameKind[] = ['tenant', 'package', 'workflow', 'task']

/** Throws NAMESPACE_INVALID, which names the part that was wrong. */
export function parseNamespace(text: string): Namespace {
  if (typeof text !== 'string') throw invalid(text, 'it is not a string')
  // The longest possible namespace is shorter; a split of megabytes is never begun.
  if (text.length > 512) throw invalid(text, `it has ${text.length} characters`)
  const [tenant, packageName, workflow, task = null, ...rest] = text.split('::')
  if (tenant === undefined || packageName === undefined || workflow === undefined) {
    throw invalid(text, `it has ${text.split('::').length} parts, 3 or 4 are needed`)
  }
  if (rest.length > 0) throw invalid(text, `it has ${4 + rest.length} parts, 3 or 4 are needed`)
  const parts = [tenant, packageName, workflow, task]
  for (const [i, part] of parts.entries()) {
    const kind = KINDS[i] ?? 'task'
    if (part === null || isName(kind, part)) continue
    throw invalid(text, whyPart(kind, part))
  }
  return { tenant, package: packageName, workflow, task }
}

export function formatNamespace(namespace: Namespace): string {
  const { tenant, package: packageName, workflow, task } = namespace
  const whole = `${tenant}::${packageName}::${workflow}`
  return task === null ? whole : `${whole}::${task}`
}

/** The namespace in one generation: `tenant::package@1.2.0#7::workflow::task`. */
export function formatScoped(namespace: Namespace, version: string, generation: number): string {
  const scoped = `${namespace.package}@${version}#${generation}`
  return formatNamespace({ ...namespace, package: scoped })
}

function whyPart(kind: NameKind, part: string): string {
  if (part === '') return `the ${kind} is empty`
  if (kind === 'package' && (part.includes('#') || part.lastIndexOf('@') > 0)) {
    return 'the version is an option of the call, not a part of the namespace'
  }
  return `the ${kind} ${printable(part)} is not a name (a-z, 0-9, ".", "_", "-", beginning with a letter or digit, at most 64 characters)`
}

function invalid(text: unknown, why: string): HeadgateError {
  return new HeadgateError('NAMESPACE_INVALID', { value: printable(text), why })
}
