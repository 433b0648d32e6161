/**
 * A definition that was found good once. A thread that reports the very same, to the letter, sets its
 * package up without waiting to be told so.
 *
 * A1  Only what was checked is ever accepted; the main thread compares for itself what it is sent.
 */

import { type Declared, differsFrom, type Found } from '../domain/declared.ts'
import type { PackageDescriptor } from '../domain/descriptor.ts'
import type { DefinitionTexts } from '../protocol/definition-texts.ts'
import type { AcceptedTexts } from '../protocol/lane-messages.ts'

export interface Accepted {
  readonly texts: DefinitionTexts
  readonly found: Found
  readonly descriptor: PackageDescriptor
}

/** `accepted` where a version with this manifest may define the same; else null. */
export function stillAccepted(
  accepted: Accepted | null,
  declared: Declared | null,
): Accepted | null {
  if (accepted === null || declared === null) return accepted
  return differsFrom(declared, accepted.found) === null ? accepted : null
}

/** What a thread is told of it with the module to load. */
export function acceptedTexts({ texts, descriptor }: Accepted): AcceptedTexts {
  return { ...texts, timeoutsMs: timeoutsOf(descriptor) }
}

/** By kind. */
export function timeoutsOf({ workflows }: PackageDescriptor): number[] {
  return workflows.flatMap(({ tasks }) => tasks.map((task) => task.timeoutMs))
}
