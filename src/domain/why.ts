/**
 * Why a version serves or does not: from what is known of it to one verdict and a few sentences. Pure.
 *
 * Y1  The verdict is what stands in the way first: what is wrong with the drop, then with the load,
 *     then what an operator said, then the policy, then the order of versions.
 * Y2  Every sentence about an obstacle is followed by what removes it.
 */

import { isQuarantine } from './holds.ts'
import type { PackagePolicy } from './route.ts'
import type { SignatureState } from './signature-policy.ts'
import type { Verdict } from './verdict.ts'
import { compareVersions, describePolicy, highestEligible } from './version-policy.ts'

export interface RefusalFacts {
  readonly entry: string
  readonly kind: 'incomplete' | 'deferred' | 'rejected'
  readonly code: string
  readonly message: string
  /** Wall clock, ms. */
  readonly since: number
  readonly again: 'change' | 'retry' | 'room'
  readonly retryAt: number | null
}

export interface VersionFacts {
  /** null: the drop did not get so far as to have one. */
  readonly version: string | null
  /** The entry through which it lies in the folder, complete; null: none does. */
  readonly entry: string | null
  readonly policy: PackagePolicy
  readonly activeVersion: string | null
  /** What the policy would choose of what lies in the folder and is not refused. */
  readonly best: string | null
  /** Why automatic promotion passes over it; null: it does not. */
  readonly held: string | null
  /** Of these very bytes. */
  readonly refusal: RefusalFacts | null
  /** Entries that claim to be the same version, and were refused. */
  readonly impostors: readonly RefusalFacts[]
  /** The newest generation of this version. */
  readonly generation: {
    readonly number: number
    readonly state: string
    readonly since: number
    readonly reason: string
    /** Threads that ended by themselves and were replaced. */
    readonly exits: number
  } | null
  /** Epoch of the swap that made it active; null: not known, or it is not active. */
  readonly epoch: number | null
  /** The last swap that took the traffic from it. */
  readonly replaced: {
    readonly by: string
    readonly at: number
    readonly epoch: number
    readonly reason: string
  } | null
  /** Of what lies in the folder. */
  readonly signatures: readonly { readonly key: string; readonly state: SignatureState }[]
  readonly doubt: { readonly code: string; readonly message: string } | null
}

export interface Explanation {
  readonly verdict: Verdict
  /** One sentence. */
  readonly summary: string
  /** Further sentences: what it waits for, what an operator can do, what else is known. */
  readonly details: readonly string[]
}

const LOADING: ReadonlySet<string> = new Set(['staging', 'loading', 'probing'])

export function explainVersion(facts: VersionFacts): Explanation {
  const { verdict, summary, details = [] } = judge(facts)
  const others = facts.impostors.map(
    ({ entry, code, message }) =>
      `${entry} claims to be this version too: ${sentence(`${code}: ${message}`)}`,
  )
  return {
    verdict,
    summary,
    details: [...details, ...generationLines(facts, verdict), ...signatureLines(facts), ...others],
  }
}

interface Judgement {
  readonly verdict: Verdict
  readonly summary: string
  readonly details?: readonly string[]
}

/** Y1 */
function judge(facts: VersionFacts): Judgement {
  const { version, refusal, held, generation, entry } = facts
  if (version !== null && version === facts.activeVersion) return active(facts)
  if (held !== null && isQuarantine(held)) return quarantined(held)
  if (refusal !== null) return refused(refusal, entry !== null)
  if (generation !== null && LOADING.has(generation.state)) {
    const { number, state, since } = generation
    return { verdict: 'loading', summary: `It is being loaded: g${number}, ${state} ${at(since)}.` }
  }
  if (version === null || entry === null) {
    const details = replacedLines(facts.replaced)
    return { verdict: 'removed', summary: 'It is no longer in the folder.', details }
  }
  if (held !== null) return onHold(facts, held)
  return ofOrder(facts, version)
}

function active({ version, entry, policy, best, generation, epoch }: VersionFacts): Judgement {
  const since = generation === null ? '' : ` as g${generation.number} ${at(generation.since)}`
  const inEpoch = epoch === null ? '' : `, epoch ${epoch}`
  const why = generation === null ? '' : `: ${generation.reason}`
  const name = describePolicy(policy)
  const choice =
    best === version
      ? `It is the highest version that the policy ${name} allows and nothing holds back.`
      : `The policy ${name} would not have chosen it: it was promoted by hand, or nothing better is there.`
  const gone = entry === null ? ['It is no longer in the folder.'] : []
  return {
    verdict: 'active',
    summary: `It serves${since}${inEpoch}${why}.`,
    details: [choice, ...gone, ...exitLines(generation)],
  }
}

function exitLines(generation: VersionFacts['generation']): string[] {
  if (generation === null || generation.exits === 0) return []
  const { exits } = generation
  const lost =
    exits === 1
      ? 'One of its threads has ended by itself and was'
      : `${exits} of its threads have ended by themselves and were`
  return [`${lost} replaced: its output and the log say why.`]
}

function quarantined(held: string): Judgement {
  return {
    verdict: 'quarantined',
    summary: `Its threads ended again and again (${held}).`,
    details: ['It stays out until it is promoted by hand; a mended one needs a higher version.'],
  }
}

function refused(refusal: RefusalFacts, isStaged: boolean): Judgement {
  const { entry, kind, code, message, since } = refusal
  const what = sentence(`${code}: ${message}`)
  switch (kind) {
    case 'incomplete':
      return {
        verdict: 'incomplete',
        summary: `${entry} is not complete ${at(since)}. ${what}`,
        details: [again(refusal)],
      }
    case 'deferred':
      return {
        verdict: 'deferred',
        summary: `${entry} is put off ${at(since)}. ${what}`,
        details: [again(refusal)],
      }
    case 'rejected':
      return {
        verdict: 'refused',
        summary: `${entry} was refused ${at(since)}. ${what}`,
        // The digest of a staged version is on record: other bytes under its number are a conflict.
        details: isStaged
          ? [
              'It is not loaded again by itself: mend it under a higher version, or promote it by hand when what it found around it has changed.',
            ]
          : [again(refusal)],
      }
  }
}

/** Messages may end with a question: did you mean …? */
function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`
}

function again({ again: what, retryAt }: RefusalFacts): string {
  switch (what) {
    case 'change':
      return 'It is looked at again when something in it changes, and not before.'
    case 'room':
      return 'It is loaded when another generation of the package has drained.'
    case 'retry':
      return retryAt === null
        ? 'It is tried again by itself, later and later, and when something in it changes.'
        : `It is tried again at ${time(retryAt)}.`
  }
}

function onHold({ replaced }: VersionFacts, held: string): Judgement {
  return {
    verdict: 'held',
    summary: `It is held: ${held}.`,
    details: [
      ...replacedLines(replaced),
      'Promoting it by hand lifts the hold, and so does promoting a higher one.',
    ],
  }
}

/** Nothing is wrong with it; another one serves, or none. */
function ofOrder(facts: VersionFacts, version: string): Judgement {
  const { policy, activeVersion, replaced } = facts
  const isAllowed = highestEligible([version], policy, new Map()) !== null
  const isLower = activeVersion !== null && compareVersions(version, activeVersion) < 0
  if (activeVersion !== null && isLower && (isAllowed || replaced !== null)) {
    return {
      verdict: 'superseded',
      summary: `${activeVersion} serves, which is higher.`,
      details: replacedLines(replaced),
    }
  }
  const details = [...replacedLines(replaced), 'Promote it by hand, or call it by its version.']
  if (isAllowed) {
    return { verdict: 'next', summary: 'Nothing is in its way: it is the next to be loaded.' }
  }
  switch (policy.mode) {
    case 'manual':
      return {
        verdict: 'manual',
        summary: 'The policy is manual: only an operator promotes.',
        details,
      }
    case 'auto':
      return {
        verdict: 'prerelease',
        summary: 'It is a prerelease, which the policy auto never takes by itself.',
        details,
      }
    case 'range': {
      const range = describePolicy(policy)
      return {
        verdict: 'outside-range',
        summary: `It is outside the range ${range} that the package's policy allows.`,
        details,
      }
    }
  }
}

function replacedLines(replaced: VersionFacts['replaced']): string[] {
  if (replaced === null) return []
  const { by, at: when, epoch, reason } = replaced
  return [`${by} took its place at ${time(when)}, epoch ${epoch}: ${reason}.`]
}

function generationLines({ generation }: VersionFacts, verdict: Verdict): string[] {
  if (verdict === 'active' || verdict === 'loading') return []
  if (generation === null || generation.state === 'rejected') return []
  const { number, state, since } = generation
  return [`Its generation g${number} is ${state} ${at(since)}.`]
}

function signatureLines({ signatures, doubt }: VersionFacts): string[] {
  const words = { trusted: 'trusted', unknown: 'not a trusted key', invalid: 'it does not fit' }
  const by = signatures.map(({ key, state }) => `${key} (${words[state]})`)
  return [
    ...(by.length === 0 ? [] : [`Signed by ${by.join(', ')}.`]),
    ...(doubt === null
      ? []
      : [`It would be refused where signatures are required: ${doubt.code}: ${doubt.message}.`]),
  ]
}

function at(ms: number): string {
  return `since ${time(ms)}`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
