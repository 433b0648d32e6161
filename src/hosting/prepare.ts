/**
 * Makes a package ready to serve: its secrets are there, its configuration passes its schema, then
 * `setup`, then `probe`. Two steps, so that `teardown` gets its resources when the probe fails.
 */

import { messageOf } from '../base/errors.ts'
import type { SetupContext } from '../sdk/context.ts'
import type { PackageDefinition } from '../sdk/definition.ts'
import { check } from './check.ts'
import { LoadRefusal } from './refusal.ts'

export interface Prepared {
  /** After its schema. */
  readonly config: unknown
  /** What `setup` returned. */
  readonly resources: unknown
}

/** `context.config` is the operator's, unchecked. Throws LoadRefusal. */
export async function setUp(
  definition: PackageDefinition,
  context: SetupContext,
): Promise<Prepared> {
  const { secrets } = context
  const missing = definition.secrets.find((secret) => !Object.hasOwn(secrets, secret))
  if (missing !== undefined) {
    const what = `the secret ${missing}`
    throw new LoadRefusal('config', `${what} is not set`, { what })
  }
  const config = await checkedConfig(definition, context.config)
  const resources = await inPhase('setup', () => definition.setup?.({ ...context, config }))
  return { config, resources }
}

/** Throws LoadRefusal. */
export async function probe(definition: PackageDefinition, resources: unknown): Promise<void> {
  await inPhase('probe', () => definition.probe?.(resources))
}

async function checkedConfig(definition: PackageDefinition, given: unknown): Promise<unknown> {
  if (definition.config === undefined) return given
  const checked = await check(definition.config, given ?? {})
  if (checked.ok) return checked.value
  throw new LoadRefusal('config', checked.why, { what: `configuration (${checked.why})` })
}

async function inPhase(phase: 'setup' | 'probe', run: () => unknown): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    throw new LoadRefusal(phase, messageOf(error), { cause: error })
  }
}
