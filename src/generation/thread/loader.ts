/**
 * Loads a package's entry module in the thread and describes what it exports.
 *
 * Owns: the resolve hook by which every package gets the executor's own `headgate/sdk`, reading of
 * the definition, and the plain description of it that the main thread checks.
 * Does not own: whether the description is acceptable (domain/descriptor.ts, main thread).
 */

import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
// Loaded with the thread, so that a package finds it ready: it is half of a small package's load time.
import '../../sdk/index.ts'
import { messageOf } from '../../base/errors.ts'
import { ownModule } from '../../base/own-module.ts'
import { STRIPPED_FOLDER } from '../../protocol/stripped-types.ts'
import {
  PACKAGE_MARK,
  type PackageDefinition,
  type TaskDefinition,
  type WorkflowDefinition,
} from '../../sdk/definition.ts'

/** A task as the thread calls it; its index is the kind that requests name. */
export interface LoadedTask {
  readonly workflow: WorkflowDefinition
  readonly task: TaskDefinition
  /** `workflow::task`. */
  readonly label: string
  readonly after: readonly string[]
}

export class LoadRefusal extends Error {
  readonly phase: 'import' | 'typescript' | 'definition'

  constructor(phase: LoadRefusal['phase'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.phase = phase
  }
}

export function installSdkHook(): void {
  const sdk = ownModule('../../sdk/index', import.meta.url).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'headgate/sdk' ? { url: sdk, shortCircuit: true } : next(specifier, context),
  })
}

/** Modules of the package in `slotDir` come as JavaScript where the source thread has put it. */
export function installStrippedHook(slotDir: string): void {
  const own = pathToFileURL(`${slotDir}/`).href
  const stripped = pathToFileURL(`${slotDir}/${STRIPPED_FOLDER}/`).href
  registerHooks({
    load: (url, context, next) => {
      const code = url.startsWith(own) ? read(new URL(url.slice(own.length), stripped)) : undefined
      return code === undefined
        ? next(url, context)
        : { format: 'module', source: code, shortCircuit: true }
    },
  })
}

function read(url: URL): string | undefined {
  if (!/\.m?ts$/.test(url.pathname)) return undefined
  try {
    return readFileSync(fileURLToPath(url), 'utf8')
  } catch {
    return undefined
  }
}

export async function importDefinition(entry: string): Promise<PackageDefinition> {
  let module: { readonly default?: unknown }
  try {
    module = await import(pathToFileURL(entry).href)
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code
    const typescript =
      code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' ||
      code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' ||
      code === 'ERR_INVALID_TYPESCRIPT_SYNTAX'
    throw new LoadRefusal(typescript ? 'typescript' : 'import', messageOf(error), { cause: error })
  }
  const definition = module.default
  if (typeof definition !== 'object' || definition === null || !(PACKAGE_MARK in definition)) {
    throw new LoadRefusal(
      'definition',
      'the entry module does not default-export what definePackage() returned',
    )
  }
  return definition as PackageDefinition
}

export function loadedTasks(definition: PackageDefinition): LoadedTask[] {
  return definition.workflows.flatMap((workflow) =>
    workflow.tasks.map((task) => ({
      workflow,
      task,
      label: `${workflow.name}::${task.name}`,
      after: Array.isArray(task.options['after']) ? (task.options['after'] as string[]) : [],
    })),
  )
}

/** JSON of everything an author declared, functions and schemas left out. */
export function describe(definition: PackageDefinition): unknown {
  return plain({
    contract: definition[PACKAGE_MARK],
    description: definition.description,
    secrets: definition.secrets,
    hasConfig: definition.config !== undefined,
    hasSetup: definition.setup !== undefined,
    hasProbe: definition.probe !== undefined,
    hasTeardown: definition.teardown !== undefined,
    workflows: definition.workflows.map((workflow) => ({
      name: workflow.name,
      hasInput: workflow.input !== undefined,
      options: workflow.options,
      tasks: workflow.tasks.map((task) => ({ name: task.name, options: task.options })),
    })),
  })
}

/** What JSON cannot carry becomes a text that no option accepts, so that it is refused by name. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'function' || typeof inner === 'symbol' || typeof inner === 'bigint'
      ? `<${typeof inner}>`
      : inner,
  )
  return JSON.parse(text)
}
