/**
 * headgate.manifest.json: what a packed drop says about itself.
 *
 * M1  A manifest is whole or it is refused: it lists its files and nothing else, or it has every
 *     part of PackedManifest. The first kind comes from tools that copy and cannot load a module.
 * M2  `checksum` covers every other key, so that a damaged manifest is refused although the digest
 *     of a version does not cover it. Only the signatures are left out: they vouch for the checksum
 *     and can be added later.
 * M3  The contract is looked at first: another one may have another shape altogether.
 * M4  A signed manifest has one spelling, manifestText()'s: what says the same in other bytes is not
 *     what was signed.
 */

import { createHash, hash } from 'node:crypto'
import { z } from 'zod'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { canonicalJson, isRecord } from './canonical-json.ts'
import { schemasSchema } from './declared.ts'
import { CONTRACT } from './descriptor.ts'
import { fileListDigest, MANIFEST_FILE } from './digest.ts'
import { DEEPEST_JSON, isDeeperThan } from './nesting.ts'
import { firstProblem, strictObject } from './schema.ts'
import { signaturesSchema } from './signature.ts'

/** The manifest alone, bytes. */
export const MANIFEST_LIMIT = 1_048_576

const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, { error: 'write 64 hexadecimal digits, lower case' })

const manifestFileSchema = strictObject({
  /** Relative to the drop's top, with forward slashes. */
  path: z.string().min(1),
  size: z.int().nonnegative(),
  sha256: digestSchema,
})

const listingShape = {
  contract: z.literal(CONTRACT),
  files: z.array(manifestFileSchema).min(1),
  /** fileListDigest() of the source folder it was packed from, were that folder dropped. */
  sourceDigest: digestSchema.exactOptional(),
}

const listingSchema = strictObject(listingShape)

const packedSchema = strictObject({
  ...listingShape,
  /** As in package.json. */
  package: z.string(),
  version: z.string(),
  description: z.string().nullable(),
  author: z.string().nullable(),
  /** The bundle, relative to the drop's top. */
  entry: z.string().min(1),
  /** The definition exactly as a worker thread reports it: workflows, tasks, policies, secrets. */
  definition: z.record(z.string(), z.unknown()),
  schemas: schemasSchema,
  permissions: strictObject({
    net: z.boolean(),
    read: z.array(z.string()),
    write: z.array(z.string()),
    env: z.array(z.string()),
  }),
  /** Keys of the configuration; null: it has none, or its schema does not say. */
  config: z.array(z.string()).nullable(),
  secrets: z.array(z.string()),
  /** fileListDigest() of `files`. */
  digest: digestSchema,
  interfaceDigest: digestSchema,
  /** Versions of what made it, by name. */
  tools: z.record(z.string(), z.string()),
  checksum: digestSchema,
  /** Over package, version, digest and checksum. */
  signatures: signaturesSchema.exactOptional(),
})

export type PackedManifest = z.infer<typeof packedSchema>
export type Listing = z.infer<typeof listingSchema>

export interface Manifest extends Listing {
  /** Everything it says; null: it is a list of files only (M1). */
  readonly packed: PackedManifest | null
  /** Of its text, hexadecimal: the digest of a version does not cover it. */
  readonly sha256: string
}

/**
 * Reads the manifest of the drop `entry`; throws MANIFEST_INVALID, or CONTRACT_UNSUPPORTED. Whether
 * it agrees with the package beside it is for manifest-claims.ts.
 */
export function parseManifest(text: string, entry: string): Manifest {
  const refuse = (why: string): HeadgateError =>
    new HeadgateError('MANIFEST_INVALID', { entry, why })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (fault) {
    throw refuse(`it is not JSON: ${messageOf(fault)}`)
  }
  if (!isRecord(json)) throw refuse('it is not an object')
  if (isDeeperThan(json, DEEPEST_JSON)) {
    throw refuse(`it is nested deeper than ${DEEPEST_JSON} levels`)
  }
  requireContract(json, entry)
  const packed = isListing(json) ? null : parsePacked(json, refuse)
  const listing = packed ?? parseListing(json, refuse)
  requirePlainPaths(listing.files, refuse)
  if (packed?.signatures !== undefined && text !== manifestText(json)) {
    throw refuse('it is signed, but not written as headgate pack writes it: it was edited')
  }
  return { ...listing, packed, sha256: hash('sha256', text) }
}

/** The checksum that `manifest` must carry (M2). */
export function manifestChecksum(manifest: Readonly<Record<string, unknown>>): string {
  const { checksum: _, signatures: __, ...covered } = manifest
  return createHash('sha256').update(canonicalJson(covered)).digest('hex')
}

/** M4 */
export function manifestText(manifest: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(manifest, null, 2)}\n`
}

type Refuse = (why: string) => HeadgateError

function requireContract(json: Readonly<Record<string, unknown>>, entry: string): void {
  const { contract } = json
  if (contract === CONTRACT || typeof contract !== 'number') return
  throw new HeadgateError('CONTRACT_UNSUPPORTED', {
    package: typeof json['package'] === 'string' ? json['package'].slice(0, 80) : entry,
    version: typeof json['version'] === 'string' ? json['version'].slice(0, 80) : '?',
    found: String(contract),
    supported: String(CONTRACT),
  })
}

function isListing(json: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(json).every((key) => Object.hasOwn(listingShape, key))
}

function parseListing(json: unknown, refuse: Refuse): Listing {
  const parsed = listingSchema.safeParse(json)
  if (!parsed.success) throw refuse(problemOf(parsed.error, json))
  return parsed.data
}

function parsePacked(json: Readonly<Record<string, unknown>>, refuse: Refuse): PackedManifest {
  const parsed = packedSchema.safeParse(json)
  if (!parsed.success) throw refuse(problemOf(parsed.error, json))
  const packed = parsed.data
  if (packed.checksum !== manifestChecksum(json)) {
    throw refuse('its checksum is not that of its content: it was damaged or edited')
  }
  if (packed.digest !== fileListDigest(packed.files)) {
    throw refuse('its digest is not that of the files it lists')
  }
  return packed
}

/** An unknown key explains the missing one that it was meant to be. */
function problemOf(error: z.ZodError, json: unknown): string {
  const unknown = error.issues.find((issue) => issue.code === 'unrecognized_keys')
  return firstProblem(unknown === undefined ? error : new z.ZodError([unknown]), json)
}

function requirePlainPaths(files: Listing['files'], refuse: Refuse): void {
  const seen = new Set<string>()
  for (const { path } of files) {
    if (path === MANIFEST_FILE) throw refuse(`${MANIFEST_FILE} cannot list itself`)
    if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
      throw refuse(`${path} is not a plain relative path`)
    }
    if (seen.has(path)) throw refuse(`${path} is listed twice`)
    seen.add(path)
  }
}
