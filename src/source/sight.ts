/**
 * What lies at an entry, by a look that opens nothing, and how it is examined.
 */

import { HeadgateError } from '../base/errors.ts'
import { examineFolder, type ExamineContext } from './examine.ts'
import { examineArchive, formOf, lookAtArchive } from './examine-archive.ts'
import type { Candidate, CandidateKind } from './scan.ts'
import { incomplete, rejected, type Verdict } from './verdict.ts'
import { walkDrop } from './walk.ts'

export interface Sight {
  /** Equal for two looks: nothing has changed. */
  readonly form: string
  /** Wall clock of the file system, ms. */
  readonly newestChangeMs: number
  /** Wall clock of the file system, ms: its last change, its being renamed in included. */
  readonly landedMs: number
  readonly examine: (context: ExamineContext) => Verdict
}

/** null: it has gone, or become something else. */
export function lookAt(candidate: Candidate): Sight | null {
  const { entry, path, kind, stamp } = candidate
  switch (kind.type) {
    case 'directory': {
      const walk = walkDrop(path)
      if (walk === null) return null
      const { form, newestChangeMs, landedMs } = walk
      const examine = (context: ExamineContext): Verdict => examineFolder(candidate, walk, context)
      return { form, newestChangeMs, landedMs, examine }
    }
    case 'archive': {
      const stat = lookAtArchive(path)
      if (stat === null) return null
      const examine = (context: ExamineContext): Verdict => examineArchive(candidate, stat, context)
      // Its ctime says nothing, as renaming it in changes it; copying changes its mtime as well.
      const { mtimeMs, ctimeMs } = stat
      return { form: formOf(stat), newestChangeMs: mtimeMs, landedMs: ctimeMs, examine }
    }
    case 'refused': {
      const verdict = refusalOf(entry, kind)
      const form = `refused ${stamp}`
      return { form, newestChangeMs: 0, landedMs: 0, examine: () => verdict }
    }
    default:
      return kind satisfies never
  }
}

/** Without a look into it. A folder of a tenant that cannot be listed is in nobody's way. */
function refusalOf(
  entry: string,
  { code, why }: Extract<CandidateKind, { type: 'refused' }>,
): Verdict {
  switch (code) {
    case 'NAME_INVALID':
      return rejected(new HeadgateError('NAME_INVALID', { kind: 'tenant', value: why }))
    case 'FILE_REFUSED':
      return rejected(new HeadgateError('FILE_REFUSED', { entry, file: entry, why }))
    case 'DROP_UNSUPPORTED':
      return rejected(new HeadgateError('DROP_UNSUPPORTED', { entry, why }))
    case 'DROP_INCOMPLETE':
      return incomplete(entry, why, 'on-change')
    default:
      return code satisfies never
  }
}
