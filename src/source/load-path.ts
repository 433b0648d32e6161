/**
 * Versions that come from a path of their own, not from packages-dir: loaded once, then registered
 * for as many tenants as want them.
 *
 * N1  loading puts bytes into the artifact store and nothing on record; who registers, registers
 *     the bytes that were loaded, whatever has become of the path.
 * N2  who signed is found at loading, whether that is enough at registering: trust is a tenant's.
 * N3  a registered version is on record for its tenant like one that was dropped, and never present:
 *     no listing of packages-dir is asked whether it is still there.
 */

import { lstatSync, realpathSync } from 'node:fs'
import { HeadgateError } from '../base/errors.ts'
import type { SignatureTrust } from '../domain/signature-policy.ts'
import { classify, codeOf } from './fs-fault.ts'
import { identifyStored, type IdentifyContext } from './identify.ts'
import type { Candidate } from './scan.ts'
import { lookAt } from './sight.ts'
import type { LoadedVersion, Registration } from './source.ts'
import { StageFault } from './stage-fault.ts'
import { Refusal, type VersionFacts } from './verdict.ts'
import { versionKey } from './versions.ts'

/** Before a tenant registers it, a version is compared with nobody's. */
const NOBODY = ''

export interface LoadContext extends Pick<IdentifyContext, 'store' | 'running' | 'trust'> {
  /** Called while bytes are read: other work of the thread. */
  readonly between: () => void
}

export interface RegisterContext extends IdentifyContext {
  readonly record: (key: string, digest: string) => void
}

/** Throws HeadgateError: what the folder or archive would be refused with as a drop. */
export function loadPath(
  path: string,
  { store, running, trust, between }: LoadContext,
): LoadedVersion {
  const sight = lookAt(candidateAt(path))
  if (sight === null) throw new HeadgateError('PATH_NOT_FOUND', { path })
  let source: string | null = null
  const verdict = sight.examine({
    store,
    running,
    trust: nobodysTrust(trust),
    between,
    digestOf: () => undefined,
    noteSource: (_, told) => (source = told),
    // Whoever names a path says that it is whole; the listings before and after are still compared.
    quietInMs: 0,
    quietMs: 0,
    settleInMs: 0,
    hashFirst: false,
  })
  if (verdict.kind !== 'staged') throw verdict.error
  const { entry, package: name, version, digest, description, author, declared } = verdict.facts
  const { manifest, signatures } = verdict.facts
  return {
    entry,
    package: name,
    version,
    digest,
    ...(description === undefined ? {} : { description }),
    ...(author === undefined ? {} : { author }),
    source,
    ...(declared === undefined ? {} : { declared }),
    manifest,
    signatures: signatures.map(({ state: _, ...checked }) => checked),
  }
}

/** Throws VERSION_CONFLICT, SIGNATURE_…, STORE_FAILED, STAGING_DEFERRED. */
export function registerLoaded(
  { tenant, loaded }: Registration,
  context: RegisterContext,
): VersionFacts {
  const { entry, package: name, version, digest, source, declared, manifest, signatures } = loaded
  try {
    const stored = { package: name, version, digest, source, manifest, signatures }
    const { facts, own } = identifyStored({ entry, tenant }, stored, context)
    if (own) context.store.noteSource(tenant, digest, source)
    context.record(versionKey(facts), facts.digest)
    return own && declared !== undefined ? { ...facts, declared } : facts
  } catch (fault) {
    if (fault instanceof Refusal) throw fault.error
    if (!(fault instanceof StageFault)) throw fault
    throw new HeadgateError('STAGING_DEFERRED', { entry, why: fault.message }, { cause: fault })
  }
}

/** N2: a signature that does not fit is refused at once, and no other. */
function nobodysTrust({ policy }: SignatureTrust): SignatureTrust {
  return { policy: policy === 'off' ? 'off' : 'warn', keys: new Map() }
}

function candidateAt(entry: string): Candidate {
  try {
    // The path may be or go through a link of the caller's making; below it none is followed.
    const path = realpathSync(entry)
    const found = lstatSync(path)
    const rest = { entry, tenant: NOBODY, path, stamp: '' }
    if (found.isDirectory()) return { ...rest, kind: { type: 'directory' } }
    if (found.isFile()) return { ...rest, kind: { type: 'archive' } }
  } catch (fault) {
    if (classify(fault) === 'gone') throw new HeadgateError('PATH_NOT_FOUND', { path: entry })
    throw unsupported(entry, `it cannot be read: ${codeOf(fault)}`)
  }
  throw unsupported(entry, 'only folders and .tgz archives are packages')
}

function unsupported(entry: string, why: string): HeadgateError {
  return new HeadgateError('DROP_UNSUPPORTED', { entry, why })
}
