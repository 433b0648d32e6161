/**
 * What became of the interface of a package from one version to the next, and which version number
 * that asks for.
 *
 * Breaking is what makes a caller, or an operator, of the previous version fail with the next one: a
 * workflow, a task or an answer that is gone, an input that is refused, a dependency that a caller of
 * a single task has to give, a secret or permission that the operator has to grant first.
 */

import semver from 'semver'
import { canonicalJson } from './canonical-json.ts'
import type {
  InputInterface,
  PackageInterface,
  TaskInterface,
  WorkflowInterface,
} from './interface.ts'
import type { PackagePermissions } from './package-json.ts'
import { compareSchemas } from './schema-compat.ts'

export type Bump = 'major' | 'minor' | 'patch'

export interface InterfaceChange {
  /** `workflow`, `workflow::task`, or the word for what belongs to the whole package. */
  readonly where: string
  readonly what: string
  readonly breaking: boolean
  /** The least change of the version number that this asks for, from 1.0.0 on. */
  readonly asks: Bump
}

export interface Comparison {
  readonly changes: readonly InterfaceChange[]
  readonly breaking: boolean
  /** What could not be compared: sentences. */
  readonly unchecked: readonly string[]
  readonly bump: Bump
  /**
   * The lowest version that is enough. Below 1.0.0 as npm reads ranges: what is breaking raises the
   * minor number, all else the patch number.
   */
  readonly lowest: string
  /**
   * The next version is higher than the previous one, and not below `lowest`; or it is the previous
   * one, and nothing has changed.
   */
  readonly honoured: boolean
}

export function compareInterfaces(previous: PackageInterface, next: PackageInterface): Comparison {
  const unchecked: string[] = []
  const changes = [
    ...compareWorkflows(previous.workflows, next.workflows, unchecked),
    ...compareInputs('configuration', previous.config, next.config, unchecked),
    ...compareDemands(previous, next),
  ]
  const bump = highestBump(changes)
  const lowest = lowestVersion(previous.version, bump)
  return {
    changes,
    breaking: changes.some(({ breaking }) => breaking),
    unchecked,
    bump,
    lowest,
    honoured:
      isEnough(previous.version, next.version, lowest) ||
      (changes.length === 0 && previous.version === next.version),
  }
}

function compareWorkflows(
  previous: readonly WorkflowInterface[],
  next: readonly WorkflowInterface[],
  unchecked: string[],
): InterfaceChange[] {
  return pairs(previous, next).flatMap(([before, after]) => {
    if (before === undefined) return [added(after?.name ?? '', 'the workflow is new')]
    const { name } = before
    if (after === undefined) return [broken(name, 'the workflow is gone')]
    return [
      ...compareInputs(name, before.input, after.input, unchecked),
      ...compareTasks(name, before.tasks, after.tasks),
      ...compareAnswers(name, before.answers, after.answers),
    ]
  })
}

function compareInputs(
  where: string,
  previous: InputInterface,
  next: InputInterface,
  unchecked: string[],
): InterfaceChange[] {
  if (previous.kind === 'any' && next.kind === 'any') return []
  if (next.kind === 'any') return [added(where, 'everything is taken: its schema is gone')]
  if (previous.kind === 'any')
    return [broken(where, 'not everything is taken: it has a schema now')]
  if (previous.kind === 'opaque' || next.kind === 'opaque') {
    const which = previous.kind === next.kind ? 'either version' : 'one of the versions'
    unchecked.push(`${where}: its schema can be read by its own library only, in ${which}`)
    return []
  }
  return compareSchemas(previous.schema, next.schema).map(({ what, breaking }) =>
    breaking ? broken(where, `input: ${what}`) : added(where, `input: ${what}`),
  )
}

function compareTasks(
  workflow: string,
  previous: readonly TaskInterface[],
  next: readonly TaskInterface[],
): InterfaceChange[] {
  return pairs(previous, next).flatMap(([before, after]) => {
    const where = `${workflow}::${before?.name ?? after?.name ?? ''}`
    if (before === undefined) return [added(where, 'the task is new')]
    if (after === undefined) return [broken(where, 'the task is gone')]
    return [...compareAfter(where, before, after), ...comparePolicies(where, before, after)]
  })
}

/** Who calls a single task gives the outputs of its dependencies; more than it needs do no harm. */
function compareAfter(
  where: string,
  { after: before }: TaskInterface,
  { after }: TaskInterface,
): InterfaceChange[] {
  return [
    ...after
      .filter((name) => !before.includes(name))
      .map((n) => broken(where, `it needs ${n} too`)),
    ...before
      .filter((name) => !after.includes(name))
      .map((name) => added(where, `it does not need ${name} any more`)),
  ]
}

function comparePolicies(
  where: string,
  before: TaskInterface,
  after: TaskInterface,
): InterfaceChange[] {
  const changes: InterfaceChange[] = []
  if (before.timeoutMs !== after.timeoutMs) {
    changes.push(tuned(where, `timeout: ${before.timeoutMs} ms is ${after.timeoutMs} ms now`))
  }
  for (const key of Object.keys(after.retry) as (keyof TaskInterface['retry'])[]) {
    const [from, to] = [canonicalJson(before.retry[key]), canonicalJson(after.retry[key])]
    if (from !== to) changes.push(tuned(where, `retry.${key}: ${from} is ${to} now`))
  }
  return changes
}

function compareAnswers(
  where: string,
  before: readonly string[],
  after: readonly string[],
): InterfaceChange[] {
  return [
    ...before
      .filter((name) => !after.includes(name))
      .map((name) => broken(where, `its answer has no ${name} any more`)),
    ...after
      .filter((name) => !before.includes(name))
      .map((name) => added(where, `its answer has ${name} too`)),
  ]
}

/** What the operator has to give before the version can be loaded. */
function compareDemands(previous: PackageInterface, next: PackageInterface): InterfaceChange[] {
  const demands = (of: PackageInterface): readonly string[] => [
    ...of.secrets.map((name) => `the secret ${name}`),
    ...permissionsOf(of.permissions).map((permission) => `the permission ${permission}`),
  ]
  const [before, after] = [demands(previous), demands(next)]
  return [
    ...after
      .filter((one) => !before.includes(one))
      .map((one) => broken('operator', `${one} is needed now`)),
    ...before
      .filter((one) => !after.includes(one))
      .map((one) => tuned('operator', `${one} is not needed any more`)),
  ]
}

function permissionsOf({ net, read, write, env }: PackagePermissions): readonly string[] {
  return [
    ...(net ? ['net'] : []),
    ...read.map((path) => `read: ${path}`),
    ...write.map((path) => `write: ${path}`),
    ...env.map((name) => `env: ${name}`),
  ]
}

/** By name; undefined on the side that lacks it. */
function pairs<T extends { readonly name: string }>(
  previous: readonly T[],
  next: readonly T[],
): readonly (readonly [T | undefined, T | undefined])[] {
  const before = new Map(previous.map((one) => [one.name, one]))
  const after = new Map(next.map((one) => [one.name, one]))
  const names = [...new Set([...before.keys(), ...after.keys()])].sort()
  return names.map((name) => [before.get(name), after.get(name)])
}

function broken(where: string, what: string): InterfaceChange {
  return { where, what, breaking: true, asks: 'major' }
}

function added(where: string, what: string): InterfaceChange {
  return { where, what, breaking: false, asks: 'minor' }
}

function tuned(where: string, what: string): InterfaceChange {
  return { where, what, breaking: false, asks: 'patch' }
}

function highestBump(changes: readonly InterfaceChange[]): Bump {
  const asked = new Set(changes.map(({ asks }) => asks))
  return asked.has('major') ? 'major' : asked.has('minor') ? 'minor' : 'patch'
}

function lowestVersion(previous: string, bump: Bump): string {
  const { major, minor, patch, prerelease } = new semver.SemVer(previous)
  // A prerelease promises nothing about what follows it.
  if (prerelease.length > 0) return `${major}.${minor}.${patch}`
  if (major === 0) {
    const raised = minor > 0 && bump === 'major'
    return raised ? `0.${minor + 1}.0` : `0.${minor}.${patch + 1}`
  }
  switch (bump) {
    case 'major':
      return `${major + 1}.0.0`
    case 'minor':
      return `${major}.${minor + 1}.0`
    case 'patch':
      return `${major}.${minor}.${patch + 1}`
  }
}

/** A prerelease of a version that is enough is enough. */
function isEnough(previous: string, next: string, lowest: string): boolean {
  const { major, minor, patch } = new semver.SemVer(next)
  const released = `${major}.${minor}.${patch}`
  return semver.gt(next, previous) && semver.gte(released, lowest)
}
