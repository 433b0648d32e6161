/**
 * What one look at a drop can end in.
 */

import { HeadgateError } from '../base/errors.ts'
import type { RefusedDrop, StagedDrop } from './source.ts'
import { StageFault } from './stage-fault.ts'

export type VersionFacts = Omit<StagedDrop, 'landedAt' | 'detectedAt' | 'stagedAt'>

/** When an unchanged drop is looked at again: never, at once, with backoff, or after so many ms. */
export type LookAgain = 'on-change' | 'soon' | 'backoff' | number

export type Identity = Pick<RefusedDrop, 'package' | 'version' | 'digest'>

export type Verdict =
  | { readonly kind: 'staged'; readonly facts: VersionFacts }
  | {
      readonly kind: RefusedDrop['kind']
      readonly error: HeadgateError
      readonly identity: Identity
      readonly lookAgain: LookAgain
    }

export type RefusedVerdict = Exclude<Verdict, { readonly kind: 'staged' }>

/** The drop may become complete by itself. */
export class NotYet extends Error {
  override readonly name = 'NotYet'
  readonly lookAgain: LookAgain

  constructor(why: string, lookAgain: LookAgain) {
    super(why)
    this.lookAgain = lookAgain
  }
}

/** Refused for the bytes' own fault, once it is known whose bytes they are. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly error: HeadgateError
  readonly identity: Identity

  constructor(error: HeadgateError, identity: Identity) {
    super(error.message, { cause: error })
    this.error = error
    this.identity = identity
  }
}

/** The facts that `look` returns, or the verdict that what it threw means. */
export function judge(entry: string, look: () => VersionFacts): Verdict {
  try {
    return { kind: 'staged', facts: look() }
  } catch (fault) {
    if (fault instanceof NotYet) return incomplete(entry, fault.message, fault.lookAgain)
    if (fault instanceof StageFault) return stageVerdict(entry, fault)
    if (fault instanceof Refusal) return rejected(fault.error, fault.identity)
    if (fault instanceof HeadgateError) return rejected(fault)
    throw fault
  }
}

/** A refusal for the bytes' own fault. */
export function rejected(error: HeadgateError, identity: Identity = {}): RefusedVerdict {
  return { kind: 'rejected', error, identity, lookAgain: 'on-change' }
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

export function incomplete(entry: string, why: string, lookAgain: LookAgain): RefusedVerdict {
  const error = new HeadgateError('DROP_INCOMPLETE', { entry, why })
  return { kind: 'incomplete', error, identity: {}, lookAgain }
}
