/**
 * An archive becomes a drop of a running executor: read whole, judged as a drop would be, and put
 * into packages-dir at once.
 *
 * Owns: whether it is there already, or is another version than it was sent as.
 * Does not own: what an archive may hold (examine-archive.ts), how its bytes got here (executor/).
 *
 * U1  what would be refused as a drop is never placed.
 * U2  a version that is there already is placed once more only for signatures that say more of it.
 * U3  between the look for a version of that name and the placing nothing else runs on the thread,
 *     and right before it the whole of packages-dir was listed: what is told to be there is there.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import { weightOf } from '../domain/signature-policy.ts'
import { inspectArchive } from './examine-archive.ts'
import type { Identified, IdentifyContext } from './identify.ts'
import { entryNameOf, place } from './place.ts'
import type { Publication, Published, StagedDrop } from './source.ts'
import { StageFault } from './stage-fault.ts'
import { Refusal, type VersionFacts } from './verdict.ts'
import { versionKey } from './versions.ts'

export interface PublishContext extends IdentifyContext {
  readonly packagesDir: string
  /** Why packages-dir cannot be listed; undefined: it can. */
  readonly missing: string | undefined
  /** What is said of a version while an entry backs it; null: none does. */
  readonly present: (key: string) => StagedDrop | null
  /** Called while an archive is read: other work of the thread. */
  readonly between: () => void
}

/** Throws HeadgateError: what the archive is refused with, VERSION_CONFLICT, PUBLISH_… */
export function publishArchive(publication: Publication, context: PublishContext): Published {
  const { tenant, package: name, version, path } = publication
  const { packagesDir, missing } = context
  // What was seen before says nothing of what is there now.
  if (missing !== undefined) {
    throw new HeadgateError('PUBLISH_FAILED', { target: packagesDir, why: missing })
  }
  const entry = entryNameOf(publication)
  const waiting = factsAt(join(packagesDir, entry), { entry, tenant }, context)
  const { facts } = inspect({ path, tenant }, context)
  if (facts.package !== name || facts.version !== version) {
    const found = `${facts.package}@${facts.version}`
    throw new HeadgateError('PUBLISH_MISMATCH', { found, wanted: `${name}@${version}` })
  }
  const here = [context.present(versionKey(facts)), waiting].filter((one) => one !== null)
  const other = here.find(({ digest }) => digest !== facts.digest)
  if (other !== undefined) throw conflict(facts, other.digest)
  // U2
  const weight = weightOf(facts.signatures)
  const enough = here.find(({ signatures }) => weightOf(signatures) >= weight)
  if (enough !== undefined) return publishedOf('present', enough.entry, facts)
  place(path, packagesDir, entry)
  return publishedOf('created', entry, facts)
}

/** The archive as a drop of that tenant; throws HeadgateError. */
export function inspect(
  { path, tenant }: Pick<Publication, 'path' | 'tenant'>,
  context: IdentifyContext & Pick<PublishContext, 'between'>,
): Identified {
  const entry = 'the archive'
  try {
    return inspectArchive({ entry, tenant, path }, context)
  } catch (fault) {
    if (fault instanceof Refusal) throw fault.error
    if (!(fault instanceof StageFault)) throw fault
    throw new HeadgateError('STAGING_DEFERRED', { entry, why: fault.message }, { cause: fault })
  }
}

export function publishedOf(
  outcome: Published['outcome'],
  entry: string,
  { tenant, package: name, version, digest, files, bytes }: VersionFacts,
): Published {
  return { outcome, entry, tenant, package: name, version, digest, files, bytes }
}

export function conflict(facts: VersionFacts, known: string): HeadgateError {
  return new HeadgateError('VERSION_CONFLICT', {
    package: facts.package,
    version: facts.version,
    known: known.slice(0, 12),
    digest: facts.digest.slice(0, 12),
  })
}

/** Of a drop placed there that no pass has seen yet; null: none, or one that is refused. */
function factsAt(
  path: string,
  drop: { readonly entry: string; readonly tenant: string },
  context: PublishContext,
): VersionFacts | null {
  if (!existsSync(path)) return null
  try {
    return inspectArchive({ ...drop, path }, context).facts
  } catch {
    return null
  }
}
