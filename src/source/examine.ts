/**
 * One look at one folder: is it complete, and are its bytes in the artifact store?
 *
 * E1  nothing is staged whose listing was not equal before and after its bytes were read.
 * E2  a packed drop (with a manifest) is judged by its manifest alone, a plain folder by its quiet.
 * E3  a copy that stalls is quiet too: what a plain folder holds is provisional for some time more.
 */

import { HeadgateError } from '../base/errors.ts'
import { MANIFEST_FILE } from '../domain/digest.ts'
import { MANIFEST_LIMIT, parseManifest } from '../domain/manifest.ts'
import type { Manifest } from '../domain/manifest.ts'
import { identify, type IdentifyContext, PACKAGE_JSON } from './identify.ts'
import { inspectDrop } from './inspect.ts'
import { manifestDifference } from './manifest-check.ts'
import type { Candidate } from './scan.ts'
import { stageFiles } from './stage.ts'
import { StageFault } from './stage-fault.ts'
import { judge, NotYet, type Verdict, type VersionFacts } from './verdict.ts'
import { walkDrop } from './walk.ts'
import type { Walk, WalkedFile } from './walk.ts'

export interface ExamineContext extends IdentifyContext {
  /** ms until the drop has been quiet for long enough; 0: it has. */
  readonly quietInMs: number
  readonly quietMs: number
  /** ms until a plain folder has been quiet for so long that its bytes are taken for all of it. */
  readonly settleInMs: number
  /** Most drops are in the store already (at start): hash before a copy is made. */
  readonly hashFirst: boolean
  /** Told of a version whose own bytes are stored now: the folder it says it was packed from. */
  readonly noteSource: (version: VersionFacts, source: string | null) => void
  /** Called between two files. */
  readonly between: () => void
}

export function examineFolder(candidate: Candidate, walk: Walk, context: ExamineContext): Verdict {
  return judge(candidate.entry, () => examine(candidate, walk, context))
}

function examine(candidate: Candidate, walk: Walk, context: ExamineContext): VersionFacts {
  const { entry } = candidate
  const fault = inspectDrop(entry, walk)
  if (fault !== null) throw fault
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
): VersionFacts {
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
    const { facts, own, source } = identify(candidate, staged, manifest, context)
    if (!own) return facts
    if (!store.keep(temp, facts.digest, staged.files)) {
      return stage(candidate, walk, files, manifest, { ...context, hashFirst: false })
    }
    context.noteSource(facts, source)
    // E3
    return manifest === null && context.settleInMs > 0 ? { ...facts, provisional: true } : facts
  } finally {
    if (temp !== null) store.discard(temp)
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

/** Throws at the first path at which folder and manifest differ: more files may be on their way. */
function requireListed(manifest: Manifest, walk: Walk): void {
  const difference = manifestDifference(manifest, walk.files)
  if (difference !== null) throw new NotYet(difference, 'on-change')
}
