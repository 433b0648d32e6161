/**
 * One look at one drop: is it complete, whose version is it, and are its bytes in the artifact store?
 *
 * E1  nothing is staged whose listing was not equal before and after its bytes were read.
 * E2  a packed drop (with a manifest) is judged by its manifest alone, a plain folder by its quiet.
 * E3  identity comes from package.json and bytes; the names of entries mean nothing.
 */

import { HeadgateError } from '../base/errors.ts'
import { fileListDigest, MANIFEST_FILE } from '../domain/digest.ts'
import { MANIFEST_LIMIT, parseManifest } from '../domain/manifest.ts'
import type { Manifest } from '../domain/manifest.ts'
import { parsePackageJson } from '../domain/package-json.ts'
import type { EngineVersions } from '../domain/package-json.ts'
import type { ArtifactStore } from './artifact-store.ts'
import { findEntryFile } from './entry-file.ts'
import { inspectDrop } from './inspect.ts'
import type { Candidate } from './scan.ts'
import type { RefusedDrop, StagedDrop } from './source.ts'
import { stageFiles, StageFault } from './stage.ts'
import type { Staged } from './stage.ts'
import { versionKey } from './versions.ts'
import { walkDrop } from './walk.ts'
import type { Walk, WalkedFile } from './walk.ts'

export type VersionFacts = Omit<StagedDrop, 'detectedAt' | 'stagedAt'>

/** When an unchanged drop is looked at again: never, at once, with backoff, or after so many ms. */
export type LookAgain = 'on-change' | 'soon' | 'backoff' | number

export type Verdict =
  | { readonly kind: 'staged'; readonly facts: VersionFacts }
  | {
      readonly kind: RefusedDrop['kind']
      readonly error: HeadgateError
      readonly identity: Pick<RefusedDrop, 'package' | 'version' | 'digest'>
      readonly lookAgain: LookAgain
    }

export interface ExamineContext {
  readonly store: ArtifactStore
  /** ms until the drop has been quiet for long enough; 0: it has. */
  readonly quietInMs: number
  readonly quietMs: number
  /** Digest on record for a versionKey(). */
  readonly digestOf: (key: string) => string | undefined
  /** Most drops are in the store already (at start): hash before a copy is made. */
  readonly hashFirst: boolean
  readonly running: EngineVersions
  /** Called between two files. */
  readonly between: () => void
}

const PACKAGE_JSON = 'package.json'

/** The drop may become complete by itself. */
class NotYet extends Error {
  override readonly name = 'NotYet'
  readonly lookAgain: LookAgain

  constructor(why: string, lookAgain: LookAgain) {
    super(why)
    this.lookAgain = lookAgain
  }
}

export function examineDrop(candidate: Candidate, walk: Walk, context: ExamineContext): Verdict {
  try {
    return examine(candidate, walk, context)
  } catch (fault) {
    if (fault instanceof NotYet) return incomplete(candidate.entry, fault.message, fault.lookAgain)
    if (fault instanceof StageFault) return stageVerdict(candidate.entry, fault)
    if (fault instanceof HeadgateError) return rejected(fault)
    throw fault
  }
}

/** A refusal for the bytes' own fault. */
export function rejected(
  error: HeadgateError,
  identity: Pick<RefusedDrop, 'package' | 'version' | 'digest'> = {},
): Verdict {
  return { kind: 'rejected', error, identity, lookAgain: 'on-change' }
}

function examine(candidate: Candidate, walk: Walk, context: ExamineContext): Verdict {
  const { entry } = candidate
  const fault = inspectDrop(entry, walk)
  if (fault !== null) return rejected(fault)
  if (walk.unread !== null) {
    const kinds = { gone: 'changed', denied: 'unread', resources: 'resources' } as const
    const why = `${walk.unread.path || 'the folder'} cannot be read: ${walk.unread.code}`
    throw new StageFault(kinds[walk.unread.fault], why)
  }
  const manifest = readManifest(candidate, walk, context)
  if (manifest === null) requireQuiet(walk, context)
  else requireListed(manifest, walk)
  const files = walk.files.filter((file) => file.path !== MANIFEST_FILE)
  if (!files.some((file) => file.path === PACKAGE_JSON)) {
    throw new HeadgateError('PACKAGE_JSON_MISSING', { entry })
  }
  return stage(candidate, walk, files, manifest, context)
}

function stage(
  candidate: Candidate,
  walk: Walk,
  files: readonly WalkedFile[],
  manifest: Manifest | null,
  context: ExamineContext,
): Verdict {
  const { store, between } = context
  const temp = context.hashFirst ? null : store.makeTemp()
  try {
    const expected = new Map(manifest?.files.map((file) => [file.path, file.sha256]))
    const keep = new Set([PACKAGE_JSON])
    const from = candidate.path
    const staged = stageFiles({ from, files, to: temp, keep, expected, between })
    if (walkDrop(from)?.form !== walk.form) {
      throw new StageFault('changed', 'its files changed while they were read')
    }
    const verdict = identify(candidate, staged, context)
    if (verdict.kind !== 'staged') return verdict
    const { digest } = verdict.facts
    if (temp !== null) {
      store.commit(
        temp,
        digest,
        staged.files.map((file) => file.path),
      )
    } else if (!store.has(digest)) {
      return stage(candidate, walk, files, manifest, { ...context, hashFirst: false })
    }
    return verdict
  } finally {
    if (temp !== null) store.discard(temp)
  }
}

function identify(candidate: Candidate, staged: Staged, context: ExamineContext): Verdict {
  const { entry, tenant } = candidate
  const text = staged.texts.get(PACKAGE_JSON)
  if (text === undefined) {
    throw new HeadgateError('PACKAGE_JSON_INVALID', { entry, why: 'it is larger than 1 MiB' })
  }
  const packageJson = parsePackageJson(text, entry, context.running)
  const { name, version, description, author, options } = packageJson
  const digest = fileListDigest(staged.files)
  const identity = { package: name, version, digest }
  const known = context.digestOf(versionKey({ tenant, ...identity }))
  if (known !== undefined && known !== digest) {
    const details = { ...identity, entry, known: short(known), digest: short(digest) }
    return rejected(new HeadgateError('VERSION_CONFLICT', details), identity)
  }
  const paths = new Set(staged.files.map((file) => file.path))
  let entryFile: string
  try {
    entryFile = findEntryFile(entry, packageJson, paths)
  } catch (fault) {
    if (fault instanceof HeadgateError) return rejected(fault, identity)
    throw fault
  }
  return {
    kind: 'staged',
    facts: {
      entry,
      tenant,
      ...identity,
      ...(description === null ? {} : { description }),
      ...(author === null ? {} : { author }),
      entryFile,
      options,
      artifactDir: context.store.dirOf(digest),
      files: staged.files.length,
      bytes: staged.files.reduce((sum, file) => sum + file.size, 0),
    },
  }
}

/** null: a plain folder. */
function readManifest(candidate: Candidate, walk: Walk, context: ExamineContext): Manifest | null {
  const file = walk.files.find(({ path }) => path === MANIFEST_FILE)
  if (file === undefined) return null
  const { entry, path: from } = candidate
  try {
    if (file.size > MANIFEST_LIMIT) {
      const why = `${file.size} bytes, at most ${MANIFEST_LIMIT}`
      throw new HeadgateError('MANIFEST_INVALID', { entry, why })
    }
    const keep = new Set([MANIFEST_FILE])
    const { between } = context
    const request = { from, files: [file], to: null, keep, expected: new Map(), between }
    return parseManifest(stageFiles(request).texts.get(MANIFEST_FILE) ?? '', entry)
  } catch (fault) {
    if (!(fault instanceof HeadgateError) || context.quietInMs <= 0) throw fault
    throw new NotYet(`${MANIFEST_FILE} is not readable yet`, context.quietInMs)
  }
}

function requireQuiet(walk: Walk, context: ExamineContext): void {
  if (context.quietInMs <= 0) return
  const hasPackageJson = walk.files.some(({ path }) => path === PACKAGE_JSON)
  const why = hasPackageJson
    ? `its files changed less than ${context.quietMs} ms ago`
    : 'package.json is not there yet'
  throw new NotYet(why, context.quietInMs)
}

/** Names the first path, in their order, at which folder and manifest differ. */
function requireListed(manifest: Manifest, walk: Walk): void {
  const present = new Map(walk.files.map((file) => [file.path, file.size]))
  present.delete(MANIFEST_FILE)
  for (const { path, size } of manifest.files) {
    const found = present.get(path)
    if (found === undefined) throw new NotYet(`${path} is missing`, 'on-change')
    if (found !== size) throw new NotYet(`${path} has ${found} of ${size} bytes`, 'on-change')
    present.delete(path)
  }
  const [extra] = present.keys()
  if (extra !== undefined) throw new NotYet(`${extra} is not in ${MANIFEST_FILE}`, 'on-change')
}

function stageVerdict(entry: string, fault: StageFault): Verdict {
  switch (fault.kind) {
    case 'changed':
      return incomplete(entry, fault.message, 'soon')
    case 'differs':
      return incomplete(entry, fault.message, 'on-change')
    case 'unread':
      return incomplete(entry, fault.message, 'backoff')
    case 'resources': {
      const error = new HeadgateError('STAGING_DEFERRED', { entry, why: fault.message })
      return { kind: 'deferred', error, identity: {}, lookAgain: 'backoff' }
    }
  }
}

function incomplete(entry: string, why: string, lookAgain: LookAgain): Verdict {
  const error = new HeadgateError('DROP_INCOMPLETE', { entry, why })
  return { kind: 'incomplete', error, identity: {}, lookAgain }
}

function short(digest: string): string {
  return digest.slice(0, 12)
}
