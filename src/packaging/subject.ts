/**
 * A package as an executor would see it, wherever it lies: source folder, packed folder or archive.
 *
 * The verdict is the executor's own: the same examination that stages a drop, then the same import in
 * a worker thread, into a store that is thrown away. `setup`, `probe`, configuration and secrets,
 * which need an operator, are not tried.
 *
 * J1  The code of a subject is somebody else's: it gets the permissions that whoever asks grants, by
 *     default none, whatever it asks for. It is imported without them all the same, to be shown.
 * J2  What would be refused for its signatures is not imported at all, only described.
 */

import { realpathSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import { requireDeclared } from '../domain/declared.ts'
import type { PackageDescriptor } from '../domain/descriptor.ts'
import { MANIFEST_FILE } from '../domain/digest.ts'
import { type PermissionGrants, refusedWish } from '../domain/grants.ts'
import { interfaceOf, type PackageInterface } from '../domain/interface.ts'
import { judgeSignatures, NO_TRUST, type SignatureTrust } from '../domain/signature-policy.ts'
import { HEADGATE_VERSION } from '../base/headgate-package.ts'
import { NO_GRANTS, type ThreadGrants } from '../generation/permissions.ts'
import { ArtifactStore } from '../source/artifact-store.ts'
import { type Candidate, DEFAULT_TENANT } from '../source/scan.ts'
import { lookAt } from '../source/sight.ts'
import type { Verdict, VersionFacts } from '../source/verdict.ts'
import { walkDrop } from '../source/walk.ts'
import { extract } from './extract.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Subject {
  /** As given. */
  readonly path: string
  readonly form: 'source folder' | 'packed folder' | 'archive'
  /** What is known of it; null: it was refused before its identity was known. */
  readonly version: {
    readonly package: string
    readonly version: string
    readonly digest: string
  } | null
  /** null: its bytes were refused. */
  readonly facts: VersionFacts | null
  /** null: its bytes were refused, or its module was. */
  readonly loaded: {
    readonly descriptor: PackageDescriptor
    readonly interface: PackageInterface
  } | null
  /** The refusal an executor with these grants would show; null: it would take it. */
  readonly refusal: HeadgateError | null
  /** Why its module could not be shown, where that is not the refusal: it lacked permissions. */
  readonly importFailure: HeadgateError | null
}

export interface SubjectOptions {
  readonly signal: AbortSignal
  /** Whose package it would be. Default `public`. */
  readonly tenant?: string
  /** Default: nothing is asked of signatures. */
  readonly trust?: SignatureTrust
  /** What the operator grants the package of that name. Default: nothing, to none. */
  readonly grantsOf?: (packageName: string) => PermissionGrants | undefined
  /** For the import. Default 30 s, as in an executor. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 30_000

/**
 * `path` is absolute, and may be a link to what is meant. Throws PATH_NOT_FOUND; whatever else is
 * wrong is the subject's refusal.
 */
export async function readSubject(path: string, options: SubjectOptions): Promise<Subject> {
  const { tenant = DEFAULT_TENANT, trust = NO_TRUST } = options
  using work = temporaryFolder()
  const form = formOf(path)
  const store = new ArtifactStore(join(work.dir, 'artifacts'))
  store.open()
  const verdict = examine(path, form, store, tenant)
  if (verdict.kind !== 'staged') {
    const { package: name, version, digest } = verdict.identity
    const isKnown = name !== undefined && version !== undefined && digest !== undefined
    const known = isKnown ? { package: name, version, digest } : null
    const nothing = { facts: null, loaded: null, importFailure: null }
    return { path, form, version: known, ...nothing, refusal: verdict.error }
  }
  const { signatures, doubt, isRefused } = judgeSignatures(
    verdict.facts,
    verdict.facts.signatures,
    trust,
  )
  const facts = { ...verdict.facts, signatures, doubt: doubt?.toRecord() ?? null }
  const version = { package: facts.package, version: facts.version, digest: facts.digest }
  const known = { path, form, version, facts }
  if (isRefused) return { ...known, loaded: null, refusal: doubt, importFailure: null }
  const { permissions } = facts.options
  const refused = refusedWish(version, permissions, options.grantsOf?.(version.package) ?? {})
  const grants = refused === null ? permissions : NO_GRANTS
  try {
    const loaded = await load(facts, grants, work.dir, options)
    return { ...known, loaded, refusal: refused, importFailure: null }
  } catch (error) {
    options.signal.throwIfAborted()
    if (!(error instanceof HeadgateError)) throw error
    return refused === null
      ? { ...known, loaded: null, refusal: error, importFailure: null }
      : { ...known, loaded: null, refusal: refused, importFailure: error }
  }
}

function formOf(path: string): Subject['form'] {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new HeadgateError('PATH_NOT_FOUND', { path })
  if (!stat.isDirectory()) return 'archive'
  const manifest = statSync(join(path, MANIFEST_FILE), { throwIfNoEntry: false })
  return manifest === undefined ? 'source folder' : 'packed folder'
}

/** Whatever is thought of its signatures, so that they can be shown. */
function examine(
  path: string,
  form: Subject['form'],
  store: ArtifactStore,
  tenant: string,
): Verdict {
  const entry = basename(path)
  const kind = { type: form === 'archive' ? 'archive' : 'directory' } as const
  // A link that somebody names is meant to be followed; those below it are refused.
  const candidate: Candidate = { entry, tenant, path: realpathSync(path), kind, stamp: '' }
  const sight = lookAt(candidate)
  if (sight === null) throw new HeadgateError('PATH_NOT_FOUND', { path })
  return sight.examine({
    store,
    quietInMs: 0,
    quietMs: 0,
    settleInMs: 0,
    digestOf: () => undefined,
    noteSource: () => {},
    hashFirst: false,
    running: { node: process.versions.node, headgate: HEADGATE_VERSION },
    trust: NO_TRUST,
    between: () => {},
  })
}

async function load(
  facts: VersionFacts,
  grants: ThreadGrants,
  workDir: string,
  { signal, timeoutMs = TIMEOUT_MS }: SubjectOptions,
): Promise<NonNullable<Subject['loaded']>> {
  const { package: name, version, options, artifactDir, entryFile, declared } = facts
  const walk = walkDrop(artifactDir)
  const extracted = await extract({
    package: name,
    version,
    options,
    grants,
    from: artifactDir,
    files: walk?.files.map((file) => file.path) ?? [],
    entryFile,
    workDir,
    timeoutMs,
    signal,
  })
  const { descriptor, schemas, definition } = extracted
  const id = { package: name, version }
  if (declared !== undefined) requireDeclared(declared, { definition, schemas }, id)
  const { permissions } = options
  return { descriptor, interface: interfaceOf({ ...id, descriptor, schemas, permissions }) }
}
