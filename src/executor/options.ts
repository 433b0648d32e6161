/** Options of an executor: validated at the edge, unknown keys refused, defaults filled in once. */

import { statSync } from 'node:fs'
import { relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { HeadgateError } from '../base/errors.ts'
import { type Logger, silentLogger } from '../base/logger.ts'
import { parseOptions, strictObject } from '../domain/schema.ts'
import { SIGNATURE_POLICIES, type SignatureTrust } from '../domain/signature-policy.ts'
import { DEFAULT_PAYLOAD_BYTES } from '../hosting/body.ts'
import { readTrust } from '../source/trusted-keys.ts'
import type { ExecutorOptions, TenantOptions } from './api.ts'

const ms = z.number().int().min(0)

const packageSchema = strictObject({
  config: z.unknown().optional(),
  secrets: z.record(z.string(), z.string()).optional(),
  permissions: strictObject({
    net: z.boolean().optional(),
    read: z.array(z.string()).optional(),
    write: z.array(z.string()).optional(),
    env: z.array(z.string()).optional(),
  }).optional(),
})

/** The operator's part: configuration, secrets and grants per tenant and package. */
export const tenantsSchema = z.record(
  z.string(),
  strictObject({ packages: z.record(z.string(), packageSchema).optional() }),
)

/** The operator's part, too: what is asked of signatures, and who is trusted. */
export const signaturesSchema = strictObject({
  policy: z.enum(SIGNATURE_POLICIES),
  /** Public keys by tenant or `*`: PEM text, or a path. */
  keys: z.record(z.string(), z.array(z.string().min(1))).default({}),
})

const optionsSchema = strictObject({
  packagesDir: z.string().min(1),
  dataDir: z.string().min(1),
  permissions: z.enum(['on', 'off']).default('on'),
  tenants: tenantsSchema.default({}),
  signatures: signaturesSchema.default({ policy: 'off', keys: {} }),
  durability: z.enum(['full', 'os']).default('full'),
  spare: z.boolean().default(true),
  keepWarmMs: ms.default(60_000),
  coldAfterMs: ms.min(1).default(600_000),
  maxThreads: z.number().int().min(1).default(64),
  reconcileMs: ms.min(50).default(2_000),
  quietMs: ms.max(600_000).default(250),
  removeAfterMs: ms.default(5_000),
  maxPayloadBytes: z.number().int().min(1024).default(DEFAULT_PAYLOAD_BYTES),
  maxWaiting: z.number().int().min(1).default(10_000),
  loadTimeoutMs: ms.min(100).default(30_000),
  logger: z.custom<Logger>().optional(),
})

export interface ResolvedOptions
  extends Required<Omit<ExecutorOptions, 'tenants' | 'logger' | 'signatures'>> {
  readonly tenants: Readonly<Record<string, TenantOptions>>
  readonly trust: SignatureTrust
  readonly logger: Logger
}

/** Throws OPTION_INVALID. Paths become absolute. */
export function resolveOptions(options: ExecutorOptions): ResolvedOptions {
  const parsed = parseOptions(optionsSchema, options, 'of the executor')
  const { logger, signatures, ...rest } = parsed
  const packagesDir = resolve(parsed.packagesDir)
  const dataDir = resolve(parsed.dataDir)
  checkFolders(packagesDir, dataDir)
  return Object.freeze({
    ...(rest as Omit<ResolvedOptions, 'logger' | 'packagesDir' | 'dataDir' | 'trust'>),
    trust: readTrust(signatures),
    packagesDir,
    dataDir,
    logger: logger ?? silentLogger,
  })
}

/** A folder that is not there yet is waited for, and so is one that cannot be read; a file is none. */
function checkFolders(packagesDir: string, dataDir: string): void {
  if (isFile(packagesDir)) {
    const why = `${packagesDir} is not a folder`
    throw new HeadgateError('OPTION_INVALID', { option: 'packagesDir', why })
  }
  const [first = ''] = relative(packagesDir, dataDir).split(sep)
  // What begins with a dot is no drop, and outside is `..`.
  if (first.startsWith('.')) return
  const why = `${dataDir} lies in the folder that is watched, ${packagesDir}, and would be taken for a drop`
  throw new HeadgateError('OPTION_INVALID', { option: 'dataDir', why })
}

function isFile(path: string): boolean {
  try {
    return !statSync(path).isDirectory()
  } catch {
    return false
  }
}
