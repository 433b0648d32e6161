/**
 * One look at one .tgz: is it whole, and are its bytes in the artifact store?
 *
 * X1  nothing is staged whose file was not the same before and after it was read.
 * X2  a fault of the archive itself may be the missing rest of a copy: it is a refusal only after
 *     the quiet time. What a whole archive holds is judged at once.
 * X3  bytes are written into a temporary folder of the artifact store and nowhere else; the folder
 *     becomes the artifact or is deleted.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { HeadgateError } from '../base/errors.ts'
import { MANIFEST_FILE } from '../domain/digest.ts'
import { MANIFEST_LIMIT, type Manifest, parseManifest } from '../domain/manifest.ts'
import type { ExamineContext } from './examine.ts'
import { classify, codeOf } from './fs-fault.ts'
import { type Drop, identify, type Identified, PACKAGE_JSON } from './identify.ts'
import { manifestDifference } from './manifest-check.ts'
import type { Candidate } from './scan.ts'
import type { Staged } from './stage.ts'
import { StageFault } from './stage-fault.ts'
import { unpackArchive } from './unpack.ts'
import { judge, NotYet, type Verdict, type VersionFacts } from './verdict.ts'

/** As large as stageFiles keeps it in one piece. */
const PACKAGE_JSON_LIMIT = 1_048_576

const KEEP = new Map([
  [PACKAGE_JSON, PACKAGE_JSON_LIMIT],
  [MANIFEST_FILE, MANIFEST_LIMIT],
])

const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** null: it is gone, or no file any longer. */
export function lookAtArchive(path: string): Stats | null {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isFile() === true ? stat : null
}

/** Equal for two looks only if inode, size and times are. */
export function formOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `archive ${ino}:${size}:${mtimeMs}:${ctimeMs}`
}

export function examineArchive(
  candidate: Candidate,
  stat: Stats,
  context: ExamineContext,
): Verdict {
  return judge(candidate.entry, () => examine(candidate, stat, context))
}

function examine(candidate: Candidate, stat: Stats, context: ExamineContext): VersionFacts {
  const { store } = context
  const temp = context.hashFirst ? null : store.makeTemp()
  try {
    const unpacked = unpackQuietly(candidate, stat, temp, context)
    const { staged, manifest } = withoutManifest(candidate.entry, unpacked)
    if (manifest === null && context.quietInMs > 0) {
      throw new NotYet(`it changed less than ${context.quietMs} ms ago`, context.quietInMs)
    }
    const { facts, own, source } = identify(candidate, staged, manifest, context)
    if (!own) return facts
    if (!store.keep(temp, facts.digest, staged.files)) {
      return examine(candidate, stat, { ...context, hashFirst: false })
    }
    context.noteSource(facts, source)
    return facts
  } finally {
    if (temp !== null) store.discard(temp)
  }
}

/** Reads an archive that is no drop yet, writing nothing; throws why it would be refused. */
export function inspectArchive(
  drop: Drop & { readonly path: string },
  context: Omit<
    ExamineContext,
    'quietInMs' | 'quietMs' | 'settleInMs' | 'hashFirst' | 'noteSource'
  >,
): Identified {
  const stat = lookAtArchive(drop.path)
  if (stat === null) throw new StageFault('changed', 'it is not there')
  const unpacked = unpack(drop, stat, null, context.between)
  const { staged, manifest } = withoutManifest(drop.entry, unpacked)
  return identify(drop, staged, manifest, context)
}

/** X2 */
function unpackQuietly(
  candidate: Candidate,
  stat: Stats,
  to: string | null,
  { quietInMs, between }: ExamineContext,
): Staged {
  try {
    return unpack(candidate, stat, to, between)
  } catch (fault) {
    if (!(fault instanceof HeadgateError) || quietInMs <= 0) throw fault
    throw new NotYet(`it is not whole yet (${fault.code})`, quietInMs)
  }
}

/** X1 */
function unpack(
  { entry, path }: Drop & { readonly path: string },
  stat: Stats,
  to: string | null,
  between: () => void,
): Staged {
  const fd = open(path)
  try {
    if (!isSame(fd, stat)) throw new StageFault('changed', 'it changed before it was read')
    const { size } = stat
    const unpacked = unpackArchive({ entry, fd, size, to, keep: KEEP, between })
    if (!isSame(fd, stat)) throw new StageFault('changed', 'it changed while it was read')
    return unpacked
  } finally {
    closeSync(fd)
  }
}

function open(path: string): number {
  try {
    return openSync(path, READ_FLAGS)
  } catch (fault) {
    const kinds = { gone: 'changed', denied: 'unread', resources: 'resources' } as const
    throw new StageFault(kinds[classify(fault)], `it cannot be read: ${codeOf(fault)}`)
  }
}

function isSame(fd: number, stat: Stats): boolean {
  return formOf(fstatSync(fd)) === formOf(stat)
}

/** The manifest apart from the files it lists. Throws MANIFEST_INVALID and MANIFEST_MISMATCH. */
function withoutManifest(
  entry: string,
  { files, texts }: Staged,
): { readonly staged: Staged; readonly manifest: Manifest | null } {
  const found = files.find(({ path }) => path === MANIFEST_FILE)
  const staged = { files: files.filter((file) => file !== found), texts }
  if (found === undefined) return { staged, manifest: null }
  const text = texts.get(MANIFEST_FILE)
  if (text === undefined) {
    const why = `${found.size} bytes, at most ${MANIFEST_LIMIT}`
    throw new HeadgateError('MANIFEST_INVALID', { entry, why })
  }
  const manifest = parseManifest(text, entry)
  const why = manifestDifference(manifest, staged.files)
  if (why !== null) throw new HeadgateError('MANIFEST_MISMATCH', { entry, why })
  return { staged, manifest }
}
