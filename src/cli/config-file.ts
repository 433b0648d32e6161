/**
 * The operator's file of `headgate start --config`: values and grants per tenant and package, and
 * whose signatures count.
 */

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import type { PermissionGrants } from '../domain/grants.ts'
import { isKeyText } from '../domain/key-text.ts'
import { checkName } from '../domain/names.ts'
import type { PackageOperatorOptions, TenantOptions } from '../executor/api.ts'
import { signaturesSchema } from '../executor/options.ts'
import type { SignatureOptions } from '../source/trusted-keys.ts'

const permissionsSchema = z.strictObject({
  net: z.boolean().optional(),
  read: z.array(z.string()).optional(),
  write: z.array(z.string()).optional(),
  env: z.array(z.string()).optional(),
})

const packageSchema = z.strictObject({
  config: z.unknown().optional(),
  secrets: z.record(z.string(), z.string()).optional(),
  permissions: permissionsSchema.optional(),
})

const tenantSchema = z.strictObject({ packages: z.record(z.string(), packageSchema).optional() })

const configSchema = z.strictObject({
  tenants: z.record(z.string(), tenantSchema).optional(),
  signatures: signaturesSchema.optional(),
})

export type Tenants = Readonly<Record<string, TenantOptions>>

export interface OperatorConfig {
  readonly tenants: Tenants
  /** Paths of keys are absolute. */
  readonly signatures?: SignatureOptions
}

const KNOWN_KEYS = [
  configSchema,
  tenantSchema,
  packageSchema,
  permissionsSchema,
  signaturesSchema,
].flatMap((schema) => Object.keys(schema.shape))

/** Throws OPTION_INVALID with the place in the file; never with a value, which may be a secret. */
export function readConfig(file: string): OperatorConfig {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const isSyntax = error instanceof SyntaxError
    throw invalid(file, isSyntax ? 'it is not JSON' : messageOf(error))
  }
  const parsed = configSchema.safeParse(value)
  if (!parsed.success) throw invalid(file, whyNot(parsed.error))
  const { tenants = {}, signatures } = parsed.data
  return {
    tenants: Object.fromEntries(
      Object.entries(tenants).map(([tenant, { packages = {} }]) => [
        checkName('tenant', tenant),
        { packages: packagesOf(packages) },
      ]),
    ),
    ...(signatures === undefined ? {} : { signatures: keysBeside(file, signatures) }),
  }
}

/** Paths in a file are meant from where the file lies. */
function keysBeside(
  file: string,
  { policy, keys }: z.infer<typeof signaturesSchema>,
): SignatureOptions {
  const pathOf = (text: string): string => (isKeyText(text) ? text : resolve(dirname(file), text))
  const lists = Object.entries(keys).map(([tenant, list]) => [tenant, list.map(pathOf)] as const)
  return { policy, keys: Object.fromEntries(lists) }
}

/** What the configuration grants the packages of `tenant`. */
export function grantsIn(
  { tenants }: Partial<OperatorConfig>,
  tenant: string,
): (packageName: string) => PermissionGrants | undefined {
  const packages = tenants?.[tenant]?.packages
  return (name) => packages?.[name]?.permissions
}

function packagesOf(
  packages: Readonly<Record<string, z.infer<typeof packageSchema>>>,
): Record<string, PackageOperatorOptions> {
  return Object.fromEntries(
    Object.entries(packages).map(([name, { config, secrets, permissions }]) => [
      checkName('package', name),
      {
        ...(config === undefined ? {} : { config }),
        ...(secrets === undefined ? {} : { secrets }),
        ...(permissions === undefined ? {} : { permissions: grantsOf(permissions) }),
      },
    ]),
  )
}

function grantsOf(
  permissions: z.infer<typeof permissionsSchema>,
): NonNullable<PackageOperatorOptions['permissions']> {
  const { net, read, write, env } = permissions
  return {
    ...(net === undefined ? {} : { net }),
    ...(read === undefined ? {} : { read }),
    ...(write === undefined ? {} : { write }),
    ...(env === undefined ? {} : { env }),
  }
}

function whyNot(error: z.ZodError): string {
  // A key that is misspelt is missing as well: the former says what to do.
  const misspelt = error.issues.find(({ code }) => code === 'unrecognized_keys')
  const issue = misspelt ?? error.issues[0]
  if (issue === undefined) return 'not valid'
  const place = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  if (issue.code !== 'unrecognized_keys') return `${place}${issue.message}`
  const key = issue.keys[0] ?? ''
  return `${place}unknown key ${JSON.stringify(key)}${didYouMean(key, KNOWN_KEYS)}`
}

function invalid(file: string, why: string): HeadgateError {
  return new HeadgateError('OPTION_INVALID', { option: `--config ${file}`, why })
}
