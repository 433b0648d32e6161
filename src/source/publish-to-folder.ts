/**
 * Publishing into a packages-dir without an executor: the folder alone tells what is there.
 *
 * Every entry of the tenant is looked into, archives as a whole: names of entries mean nothing.
 */

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import { fileListDigest, MANIFEST_FILE } from '../domain/digest.ts'
import { parseManifest } from '../domain/manifest.ts'
import { type EngineVersions, parsePackageJson } from '../domain/package-json.ts'
import { NO_TRUST, weightOf } from '../domain/signature-policy.ts'
import { ArtifactStore } from './artifact-store.ts'
import { inspectArchive } from './examine-archive.ts'
import { type Identified, PACKAGE_JSON, signaturesOf } from './identify.ts'
import { entryNameOf, place } from './place.ts'
import { conflict, inspect, publishedOf } from './publish.ts'
import { type Candidate, scanRoot } from './scan.ts'
import type { Published } from './source.ts'
import { stageFiles } from './stage.ts'
import type { VersionFacts } from './verdict.ts'
import { walkDrop } from './walk.ts'

export interface FolderPublication {
  /** Absolute path of the archive, which stays where it is. */
  readonly path: string
  /** Absolute path of the packages-dir. */
  readonly packagesDir: string
  readonly tenant: string
  readonly running: EngineVersions
}

interface Found {
  readonly digest: string
  readonly source: string | null
  readonly isSigned: boolean
}

/** What the archive is; throws HeadgateError with the code it would be refused with as a drop. */
export function inspectOffline(
  publication: Pick<FolderPublication, 'path' | 'tenant' | 'running'>,
): Identified {
  return inspect(publication, contextOf(publication.running))
}

/** Throws what inspectOffline throws, VERSION_CONFLICT and PUBLISH_FAILED. */
export function publishToFolder(publication: FolderPublication): Published {
  const { path, packagesDir, tenant } = publication
  const { facts, source } = inspectOffline(publication)
  const context = contextOf(publication.running)
  const scan = scanRoot(packagesDir)
  if (scan.kind === 'missing') {
    throw new HeadgateError('PUBLISH_FAILED', { target: packagesDir, why: scan.reason })
  }
  const isSigned = weightOf(facts.signatures) > 0
  for (const candidate of scan.candidates) {
    const found = candidate.tenant === tenant ? foundIn(candidate, facts, context) : null
    if (found === null) continue
    const isSame = [found.digest, found.source].includes(facts.digest) || found.digest === source
    if (!isSame) throw conflict(facts, found.digest)
    // A signature that was added later has to get there.
    if (found.isSigned || !isSigned) return publishedOf('present', candidate.entry, facts)
  }
  const entry = entryNameOf(facts)
  place(path, packagesDir, entry)
  return publishedOf('created', entry, facts)
}

function contextOf(running: EngineVersions): Parameters<typeof inspect>[1] {
  // Nothing is kept: the store is a place that is not there.
  const store = new ArtifactStore(join(tmpdir(), 'headgate-has-no-store-here'))
  return { store, digestOf: () => undefined, running, trust: NO_TRUST, between: () => {} }
}

/** The drop's own bytes when it is that version; null: another, none, or one that is refused. */
function foundIn(
  candidate: Candidate,
  wanted: VersionFacts,
  context: Parameters<typeof inspect>[1],
): Found | null {
  try {
    if (candidate.kind.type === 'directory') return foundInFolder(candidate, wanted)
    if (candidate.kind.type !== 'archive') return null
    const { facts, source } = inspectArchive(candidate, context)
    const { package: name, version, digest, signatures } = facts
    if (!isSameVersion(name, version, wanted)) return null
    return { digest, source, isSigned: weightOf(signatures) > 0 }
  } catch {
    return null
  }
}

function foundInFolder({ entry, path: from }: Candidate, wanted: VersionFacts): Found | null {
  const walk = walkDrop(from)
  if (walk === null) return null
  const keep = new Set([PACKAGE_JSON, MANIFEST_FILE])
  const request = { from, to: null, keep, expected: new Map(), between: () => {} }
  const told = walk.files.filter(({ path }) => keep.has(path))
  const { texts } = stageFiles({ ...request, files: told })
  const { name, version } = parsePackageJson(texts.get(PACKAGE_JSON) ?? '', entry)
  if (!isSameVersion(name, version, wanted)) return null
  const text = texts.get(MANIFEST_FILE)
  const manifest = text === undefined ? null : parseManifest(text, entry)
  const checked = signaturesOf(manifest?.packed ?? null)
  return {
    digest: fileListDigest(stageFiles({ ...request, files: walk.files }).files),
    source: manifest?.sourceDigest ?? null,
    isSigned: checked.length > 0 && checked.every(({ isValid }) => isValid),
  }
}

function isSameVersion(name: string, version: string, wanted: VersionFacts): boolean {
  return name === wanted.package && version === wanted.version
}
