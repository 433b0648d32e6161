/**
 * What headgate reads of a drop's package.json: identity, engines and the `"headgate"` part.
 *
 * Unknown keys of the `"headgate"` part are errors; the rest of package.json is npm's and passes.
 */

import semver from 'semver'
import { z } from 'zod'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { durationSchema } from './duration.ts'
import { isName } from './names.ts'
import { checkVersion, parsePolicy } from './version-policy.ts'

/** Below it V8 aborts the whole process instead of failing the thread. */
export const OLD_GENERATION_FLOOR_MB = 16

/** Tasks at once in one thread, where a package says nothing. */
export const DEFAULT_CONCURRENCY = 64

const sizeMb = z.number().positive()

/** The `"headgate"` part of package.json as authors write it. */
export const headgatePartSchema = z.strictObject({
  /** Entry module, relative to package.json. Default: exports, main, src/index, index. */
  entry: z.string().min(1).optional(),
  /** Worker threads of a generation, 1 to 64. Default 1. */
  threads: z.int().min(1).max(64).optional(),
  /** Tasks at once in one thread, 1 to 1024. Default 64. */
  concurrency: z.int().min(1).max(1024).optional(),
  /** How long a replaced generation may finish what it began. Default 30 s. */
  drainTimeout: durationSchema.optional(),
  /** How long a drained generation stays ready for a rollback. Default: the executor's. */
  keepWarm: durationSchema.optional(),
  /** V8 limits of each thread, MB. Default: the executor's. */
  resourceLimits: z
    .strictObject({
      maxOldGenerationSizeMb: sizeMb.optional(),
      maxYoungGenerationSizeMb: sizeMb.optional(),
      codeRangeSizeMb: sizeMb.optional(),
      stackSizeMb: sizeMb.optional(),
    })
    .optional(),
  /** What the code may reach; the operator's configuration has to grant it too. Default nothing. */
  permissions: z
    .strictObject({
      net: z.boolean().optional(),
      read: z.array(z.string().min(1)).optional(),
      write: z.array(z.string().min(1)).optional(),
      env: z.array(z.string().min(1)).optional(),
    })
    .optional(),
  /** `auto`, `manual` or a semver range: what may take the traffic by itself. Default `auto`. */
  promotion: z
    .string()
    .refine(isPolicy, { error: 'write "auto", "manual" or a semver range such as "^1.2.0"' })
    .optional(),
})

/** Same shape as node:worker_threads takes. */
export interface PackageResourceLimits {
  readonly maxOldGenerationSizeMb?: number
  readonly maxYoungGenerationSizeMb?: number
  readonly codeRangeSizeMb?: number
  readonly stackSizeMb?: number
}

export interface PackagePermissions {
  readonly net: boolean
  readonly read: readonly string[]
  readonly write: readonly string[]
  readonly env: readonly string[]
}

/** The `"headgate"` part with its defaults. */
export interface PackageOptions {
  /** As the author wrote it; null: found by convention. */
  readonly entry: string | null
  readonly threads: number
  readonly concurrency: number
  readonly drainTimeoutMs: number
  /** null: the executor's default. */
  readonly keepWarmMs: number | null
  readonly resourceLimits: PackageResourceLimits
  readonly permissions: PackagePermissions
  /** `auto`, `manual`, a semver range; null: the executor's default. */
  readonly promotion: string | null
}

export interface PackageJson {
  readonly name: string
  readonly version: string
  readonly description: string | null
  /** Name, with the e-mail address when given. */
  readonly author: string | null
  readonly type: 'module' | 'commonjs'
  readonly engines: ReadonlyMap<string, string>
  /** Entry modules npm's own fields name, in the order in which they are tried. */
  readonly entryHints: readonly string[]
  readonly options: PackageOptions
}

/** What `engines` is compared with; null: not compared. */
export interface EngineVersions {
  readonly node: string | null
  readonly headgate: string | null
}

const packageJsonSchema = z.object({
  name: z.string().refine((name) => isName('package', name), {
    error: 'use a-z, 0-9, ".", "_" and "-", or @scope/name, at most 64 characters',
  }),
  version: z.string(),
  description: z.string().optional(),
  author: z
    .union([z.string(), z.object({ name: z.string(), email: z.string().optional() })])
    .optional(),
  type: z.enum(['module', 'commonjs']).optional(),
  engines: z.record(z.string(), z.string()).optional(),
  main: z.string().optional(),
  exports: z.unknown().optional(),
  headgate: headgatePartSchema.optional(),
})

/**
 * Reads `text`, the package.json of the drop `entry`.
 *
 * Throws PACKAGE_JSON_INVALID, VERSION_INVALID or LIMIT_TOO_LOW.
 */
export function parsePackageJson(
  text: string,
  entry: string,
  running: EngineVersions = { node: process.versions.node, headgate: null },
): PackageJson {
  const refuse = (why: string): HeadgateError =>
    new HeadgateError('PACKAGE_JSON_INVALID', { entry, why })
  const parsed = packageJsonSchema.safeParse(readJson(text, refuse))
  if (!parsed.success) throw refuse(parsed.error.issues.map(describeIssue).join('; '))
  const { name, version, description, author, type, engines, main, exports } = parsed.data
  checkVersion(version)
  const wanted = new Map(Object.entries(engines ?? {}))
  for (const [engine, found] of Object.entries(running)) {
    const range = wanted.get(engine)
    if (range === undefined || found === null) continue
    if (!semver.satisfies(found, range, { includePrerelease: true })) {
      throw refuse(`engines.${engine} is ${range}, but this is ${engine} ${found}`)
    }
  }
  return {
    name,
    version,
    description: description ?? null,
    author: author === undefined ? null : authorLine(author),
    type: type ?? 'commonjs',
    engines: wanted,
    entryHints: [rootExport(exports), main].filter((hint) => hint !== undefined),
    options: resolveOptions(parsed.data.headgate ?? {}),
  }
}

/** The `"headgate"` part with defaults; LIMIT_TOO_LOW below the floor. */
export function resolveOptions(part: z.infer<typeof headgatePartSchema>): PackageOptions {
  const oldGeneration = part.resourceLimits?.maxOldGenerationSizeMb
  if (oldGeneration !== undefined && oldGeneration < OLD_GENERATION_FLOOR_MB) {
    throw new HeadgateError('LIMIT_TOO_LOW', {
      limit: 'maxOldGenerationSizeMb',
      value: oldGeneration,
      floor: OLD_GENERATION_FLOOR_MB,
    })
  }
  return {
    entry: part.entry ?? null,
    threads: part.threads ?? 1,
    concurrency: part.concurrency ?? DEFAULT_CONCURRENCY,
    drainTimeoutMs: part.drainTimeout ?? 30_000,
    keepWarmMs: part.keepWarm ?? null,
    resourceLimits: defined(part.resourceLimits ?? {}),
    permissions: {
      net: part.permissions?.net ?? false,
      read: part.permissions?.read ?? [],
      write: part.permissions?.write ?? [],
      env: part.permissions?.env ?? [],
    },
    promotion: part.promotion ?? null,
  }
}

function isPolicy(text: string): boolean {
  try {
    parsePolicy(text)
    return true
  } catch {
    return false
  }
}

function readJson(text: string, refuse: (why: string) => HeadgateError): unknown {
  try {
    return JSON.parse(text)
  } catch (fault) {
    throw refuse(`it is not JSON: ${messageOf(fault)}`)
  }
}

function authorLine(author: string | { name: string; email?: string | undefined }): string {
  if (typeof author === 'string') return author
  return author.email === undefined ? author.name : `${author.name} <${author.email}>`
}

/** `exports: "./x.js"` or `exports: {".": "./x.js"}`; conditions are left to Node. */
function rootExport(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (typeof exports !== 'object' || exports === null) return undefined
  const root: unknown = Reflect.get(exports, '.')
  return typeof root === 'string' ? root : undefined
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path)
    const names = issue.keys.map((key) => `${path}.${key}${didYouMean(key, known)}`)
    return `unknown key ${names.join(', ')}`
  }
  return path === '' ? issue.message : `${path}: ${issue.message}`
}

function knownKeys(path: string): readonly string[] {
  const shape = headgatePartSchema.shape
  switch (path) {
    case 'headgate.resourceLimits':
      return Object.keys(shape.resourceLimits.unwrap().shape)
    case 'headgate.permissions':
      return Object.keys(shape.permissions.unwrap().shape)
    default:
      return Object.keys(shape)
  }
}

/** exactOptionalPropertyTypes: a key that is undefined becomes a key that is absent. */
function defined(
  limits: {
    readonly [K in keyof PackageResourceLimits]?: number | undefined
  },
): PackageResourceLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}
