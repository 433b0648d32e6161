/**
 * Whose version the bytes of a drop are, and whether they may be.
 *
 * D1  identity comes from package.json and bytes; the names of entries mean nothing.
 * D2  a packed version and the folder it was packed from are one version: the one on record stays,
 *     and what came second backs it. Its own bytes are not taken.
 * D3  what a manifest claims is held against package.json and against itself here, before any code
 *     of the package runs; the exports of the module are held against it when it is loaded.
 * D4  what is on record is never replaced, whatever a manifest claims.
 * D5  signatures are judged here, on every way in, with the bytes they are over. One vouches for the
 *     drop's own bytes: where those on record stay in its place (D2), it says nothing of them.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import type { Declared } from '../domain/declared.ts'
import { fileListDigest } from '../domain/digest.ts'
import type { Manifest, PackedManifest } from '../domain/manifest.ts'
import { requireClaims } from '../domain/manifest-claims.ts'
import { type EngineVersions, type PackageJson, parsePackageJson } from '../domain/package-json.ts'
import { checkSignatures } from '../domain/signature.ts'
import {
  type CheckedSignature,
  judgeSignatures,
  type SignatureTrust,
} from '../domain/signature-policy.ts'
import type { ArtifactStore } from './artifact-store.ts'
import { findEntryFile } from './entry-file.ts'
import type { Staged } from './stage.ts'
import { type Identity, Refusal, type VersionFacts } from './verdict.ts'
import { versionKey } from './versions.ts'

export const PACKAGE_JSON = 'package.json'

export interface IdentifyContext {
  readonly store: ArtifactStore
  /** Digest on record for a versionKey(). */
  readonly digestOf: (key: string) => string | undefined
  readonly running: EngineVersions
  /** D5 */
  readonly trust: SignatureTrust
}

/** What came with the bytes: a manifest, and who signed it. */
interface Papers {
  readonly manifest: string | null
  readonly signatures: readonly CheckedSignature[]
}

const NO_PAPERS: Papers = { manifest: null, signatures: [] }

type Vouched = Pick<VersionFacts, 'manifest' | 'signatures' | 'doubt'>

/** Where the drop lies; VersionFacts begin with it. */
export interface Drop {
  readonly entry: string
  readonly tenant: string
}

export interface Identified {
  readonly facts: VersionFacts
  /** The drop's own bytes are the version; false: those on record are (D2). */
  readonly own: boolean
  /** Digest of the folder it was packed from, in its own words. */
  readonly source: string | null
}

/** Throws Refusal, and HeadgateError for what cannot be told whose it is. */
export function identify(
  drop: Drop,
  staged: Staged,
  manifest: Manifest | null,
  context: IdentifyContext,
): Identified {
  const text = staged.texts.get(PACKAGE_JSON)
  if (text === undefined) throw unreadable(drop.entry, staged)
  const packageJson = parsePackageJson(text, drop.entry, context.running)
  const digest = fileListDigest(staged.files)
  const identity = { package: packageJson.name, version: packageJson.version, digest }
  const source = manifest?.sourceDigest ?? null
  const sizes = new Map(staged.files.map((file) => [file.path, file.size]))
  const packed = manifest?.packed ?? null
  if (packed !== null) requireHonest(drop.entry, packed, packageJson, sizes, identity)
  const papers = { manifest: manifest?.sha256 ?? null, signatures: signaturesOf(packed) }
  const vouched = requireVouched(drop, identity, papers, context.trust)
  const own = (): VersionFacts => {
    const plain = factsOf(drop, packageJson, digest, sizes, vouched, context.store)
    return packed === null ? plain : { ...plain, declared: declaredOf(packed) }
  }
  return settle(drop, identity, source, own, context)
}

/** A version whose bytes are in the artifact store already. Throws Refusal and STORE_FAILED. */
export function identifyStored(
  drop: Drop,
  stored: Required<Identity> & Papers & Pick<Identified, 'source'>,
  context: IdentifyContext,
): Identified {
  const { source, manifest, signatures, ...identity } = stored
  const vouched = requireVouched(drop, identity, { manifest, signatures }, context.trust)
  const own = (): VersionFacts => {
    const facts = recordedFacts(drop, identity.digest, vouched, context)
    if (facts !== null) return facts
    const why = `artifact ${identity.digest} is not there, or torn`
    throw new HeadgateError('STORE_FAILED', { why })
  }
  return settle(drop, identity, source, own, context)
}

/** D2, D4 */
function settle(
  drop: Drop,
  identity: Required<Identity>,
  source: string | null,
  own: () => VersionFacts,
  context: IdentifyContext,
): Identified {
  const { digest } = identity
  const unsigned = (): Vouched =>
    requireVouched(
      drop,
      identity,
      NO_PAPERS,
      context.trust,
      'its number is on record with the bytes of another drop, which its signature does not cover: raise the number',
    )
  const recorded = context.digestOf(versionKey({ tenant: drop.tenant, ...identity }))
  if (recorded === undefined || recorded === digest) return { facts: own(), own: true, source }
  const sameSource = source === recorded || context.store.sourceOf(drop.tenant, recorded) === digest
  const facts = sameSource ? recordedFacts(drop, recorded, unsigned(), context) : null
  if (facts !== null) return { facts, own: false, source }
  const details = { ...identity, entry: drop.entry, known: short(recorded), digest: short(digest) }
  throw new Refusal(new HeadgateError('VERSION_CONFLICT', details), identity)
}

function factsOf(
  { entry, tenant }: Drop,
  packageJson: PackageJson,
  digest: string,
  sizes: ReadonlyMap<string, number>,
  vouched: Vouched,
  store: ArtifactStore,
): VersionFacts {
  const { name, version, description, author, options } = packageJson
  const identity: Identity = { package: name, version, digest }
  return {
    entry,
    tenant,
    package: name,
    version,
    digest,
    ...(description === null ? {} : { description }),
    ...(author === null ? {} : { author }),
    entryFile: entryFileOf(entry, packageJson, sizes, identity),
    options,
    ...vouched,
    artifactDir: store.dirOf(digest),
    files: sizes.size,
    bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
  }
}

/** Of the version on record, told by its artifact; null: its bytes are lost. */
function recordedFacts(
  drop: Drop,
  digest: string,
  vouched: Vouched,
  context: IdentifyContext,
): VersionFacts | null {
  const sizes = context.store.sizesOf(digest)
  if (sizes === null) return null
  const text = readFileSync(join(context.store.dirOf(digest), PACKAGE_JSON), 'utf8')
  const packageJson = parsePackageJson(text, drop.entry, context.running)
  return factsOf(drop, packageJson, digest, sizes, vouched, context.store)
}

/** D5 */
function requireVouched(
  { tenant }: Drop,
  identity: Required<Identity>,
  { manifest, signatures: checked }: Papers,
  trust: SignatureTrust,
  unsigned?: string,
): Vouched {
  const { package: name, version } = identity
  const of = { tenant, package: name, version }
  const { signatures, doubt, isRefused } = judgeSignatures(of, checked, trust, unsigned)
  if (doubt !== null && isRefused) throw new Refusal(doubt, identity)
  return { manifest, signatures, doubt: doubt?.toRecord() ?? null }
}

/** Of a version, in the words of its manifest, held against them. */
export function signaturesOf(packed: PackedManifest | null): readonly CheckedSignature[] {
  return packed?.signatures === undefined ? [] : checkSignatures(packed, packed.signatures)
}

/** D3 */
function requireHonest(
  entry: string,
  packed: PackedManifest,
  packageJson: PackageJson,
  sizes: ReadonlyMap<string, number>,
  identity: Identity,
): void {
  const entryFile = entryFileOf(entry, packageJson, sizes, identity)
  try {
    requireClaims(packed, packageJson, entryFile, entry)
  } catch (fault) {
    throw fault instanceof HeadgateError ? new Refusal(fault, identity) : fault
  }
}

function declaredOf({ definition, schemas }: PackedManifest): Declared {
  return { definition, schemas }
}

function entryFileOf(
  entry: string,
  packageJson: PackageJson,
  sizes: ReadonlyMap<string, number>,
  identity: Identity,
): string {
  try {
    return findEntryFile(entry, packageJson, new Set(sizes.keys()))
  } catch (fault) {
    throw fault instanceof HeadgateError ? new Refusal(fault, identity) : fault
  }
}

function unreadable(entry: string, { files }: Staged): HeadgateError {
  return files.some(({ path }) => path === PACKAGE_JSON)
    ? new HeadgateError('PACKAGE_JSON_INVALID', { entry, why: 'it is larger than 1 MiB' })
    : new HeadgateError('PACKAGE_JSON_MISSING', { entry })
}

function short(digest: string): string {
  return digest.slice(0, 12)
}
