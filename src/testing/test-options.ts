/** Options of a test kit: validated at the edge, unknown keys refused, defaults filled in once. */

import { z } from 'zod'
import { checkName } from '../domain/names.ts'
import { parseOptions, strictObject } from '../domain/schema.ts'
import { checkVersion } from '../domain/version-policy.ts'
import { DEFAULT_PAYLOAD_BYTES } from '../hosting/body.ts'

export interface TestOptions {
  /** What the operator would give: checked by the package's `config` schema. Default: nothing. */
  readonly config?: unknown
  /** By name; one the package declares and that is not here is CONFIG_MISSING. Default: none. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Default `public`. */
  readonly tenant?: string
  /** What package.json says, which the definition does not know. Default `package`. */
  readonly package?: string
  /** As `package`. Default `0.0.0`. */
  readonly version?: string
  /** `ctx.generation`. Default 1. */
  readonly generation?: number
  /** Where the clock begins, ms since 1970. Default: the first second of 2025, UTC. */
  readonly now?: number
  /**
   * In [0, 1): spreads the delays of retries that have `jitter`. Default: always 0.5, with which
   * each delay is exactly what the policy says.
   */
  readonly random?: () => number
  /** Bytes of one input or one output. Default 8 MiB, as in the executor. */
  readonly maxPayloadBytes?: number
  /**
   * Answers `ctx.invoke` of other packages: its result as JSON is what the task gets; what it throws,
   * the task catches. Default: every other package is UNKNOWN_PACKAGE.
   */
  readonly invoke?: (
    namespace: string,
    input: unknown,
    options: { readonly version: string | null },
  ) => unknown
}

const functionSchema = <F>(): z.ZodType<F> =>
  z.custom<F>((value) => typeof value === 'function', 'give a function')

const optionsSchema = strictObject({
  config: z.unknown().optional(),
  secrets: z.record(z.string(), z.string()).default({}),
  tenant: z.string().default('public'),
  package: z.string().default('package'),
  version: z.string().default('0.0.0'),
  generation: z.int().min(1).default(1),
  now: z.number().default(Date.UTC(2025, 0, 1)),
  random: functionSchema<() => number>().default(() => () => 0.5),
  maxPayloadBytes: z.int().min(1024).default(DEFAULT_PAYLOAD_BYTES),
  invoke: functionSchema<NonNullable<TestOptions['invoke']>>().optional(),
})

export type ResolvedTestOptions = z.output<typeof optionsSchema>

/** Throws OPTION_INVALID, NAME_INVALID, VERSION_INVALID. */
export function resolveTestOptions(options: TestOptions): ResolvedTestOptions {
  const parsed = parseOptions(optionsSchema, options, 'of the test')
  checkName('tenant', parsed.tenant)
  checkName('package', parsed.package)
  checkVersion(parsed.version)
  return parsed
}
