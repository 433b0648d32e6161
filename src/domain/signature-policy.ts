/**
 * What an operator wants of signatures, and what a version's signatures come to by that. Pure.
 *
 * P1  Trust is a tenant's: a key counts for the tenants it is listed for, and under `*` for all.
 * P2  A signature that does not fit its version is the bytes' own fault, whoever made it: nobody
 *     makes one by accident, so `warn` refuses it as `require` does.
 * P3  `off` refuses nothing and says nothing; who signed is shown all the same.
 */

import { HeadgateError } from '../base/errors.ts'

export const SIGNATURE_POLICIES = ['off', 'warn', 'require'] as const
export type SignaturePolicy = (typeof SIGNATURE_POLICIES)[number]

/** `unknown`: it fits, by a key that the tenant does not trust. */
export const SIGNATURE_STATES = ['trusted', 'unknown', 'invalid'] as const
export type SignatureState = (typeof SIGNATURE_STATES)[number]

export const ALL_TENANTS = '*'

export interface SignatureTrust {
  readonly policy: SignaturePolicy
  /** Public keys as in CheckedSignature, by tenant or ALL_TENANTS. */
  readonly keys: ReadonlyMap<string, readonly string[]>
}

export const NO_TRUST: SignatureTrust = { policy: 'off', keys: new Map() }

/** One signature of a version, held against its bytes. */
export interface CheckedSignature {
  /** Raw, base64. */
  readonly publicKey: string
  /** Fingerprint of the public key. */
  readonly key: string
  readonly isValid: boolean
}

/** The same in the eyes of a tenant. */
export interface JudgedSignature extends CheckedSignature {
  readonly state: SignatureState
}

export interface Judgement {
  readonly signatures: readonly JudgedSignature[]
  /** What the policy holds against the version; null: nothing. */
  readonly doubt: HeadgateError | null
  readonly isRefused: boolean
}

export interface SignedVersion {
  readonly tenant: string
  readonly package: string
  readonly version: string
}

/** `checked`: all signatures of the version; `unsigned`: what is said where there are none. */
export function judgeSignatures(
  of: SignedVersion,
  checked: readonly CheckedSignature[],
  { policy, keys }: SignatureTrust,
  unsigned: string = 'pack it with headgate pack --sign KEY',
): Judgement {
  const trusted = new Set([...(keys.get(of.tenant) ?? []), ...(keys.get(ALL_TENANTS) ?? [])])
  const signatures = checked.map((one) => ({ ...one, state: stateOf(one, trusted) }))
  const doubt = policy === 'off' ? null : doubtOf(of, signatures, unsigned)
  const isRefused = doubt !== null && (policy === 'require' || doubt.code === 'SIGNATURE_INVALID')
  return { signatures, doubt, isRefused }
}

function stateOf(
  { publicKey, isValid }: CheckedSignature,
  trusted: ReadonlySet<string>,
): SignatureState {
  if (!isValid) return 'invalid'
  return trusted.has(publicKey) ? 'trusted' : 'unknown'
}

function doubtOf(
  of: SignedVersion,
  signatures: readonly JudgedSignature[],
  unsigned: string,
): HeadgateError | null {
  const { tenant, package: name, version } = of
  const details = { tenant, package: name, version }
  const invalid = signatures.find(({ state }) => state === 'invalid')
  if (invalid !== undefined) {
    return new HeadgateError('SIGNATURE_INVALID', { ...details, key: invalid.key })
  }
  if (signatures.length === 0) {
    return new HeadgateError('SIGNATURE_MISSING', { ...details, why: unsigned })
  }
  if (signatures.some(({ state }) => state === 'trusted')) return null
  const keys = signatures.map(({ key }) => key)
  return new HeadgateError('SIGNATURE_UNTRUSTED', { ...details, keys })
}

/** How much a version's signatures say, to compare two copies of it: more is better. */
export function weightOf(signatures: readonly Pick<JudgedSignature, 'state'>[]): number {
  const states = signatures.map(({ state }) => state)
  if (states.includes('invalid')) return 0
  if (states.includes('trusted')) return 2
  return states.length === 0 ? 0 : 1
}
