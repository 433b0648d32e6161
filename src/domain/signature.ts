/**
 * Signatures of packed versions: Ed25519 over a statement of what is signed.
 *
 * G1  The statement names package, version, digest and the checksum of the manifest. The digest leaves
 *     the manifest out, so that a signature over it alone would let the manifest be exchanged.
 * G2  The statement begins with words of its own: what such a key signs elsewhere is never one.
 * G3  The public key travels with its signature, so that everybody can tell a damaged signature from
 *     one by a stranger. It says nothing of trust, which is the operator's (signature-policy.ts).
 * G4  A key and a signature have one spelling each: in base64 with its spare bits zero.
 */

import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { strictObject } from './schema.ts'
import type { CheckedSignature } from './signature-policy.ts'

/** For a rotation of keys, and for more than one who vouches. */
const MOST_SIGNATURES = 16

/** 32 bytes: 43 digits, of which the last carries four bits. */
const RAW_KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/
/** 64 bytes: 86 digits, of which the last carries two bits. */
const RAW_SIGNATURE = /^[A-Za-z0-9+/]{85}[AQgw]==$/

/** SubjectPublicKeyInfo of an Ed25519 key without the key itself (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

export const signatureSchema = strictObject({
  publicKey: z.string().regex(RAW_KEY, { error: 'write an Ed25519 public key in base64' }),
  signature: z.string().regex(RAW_SIGNATURE, { error: 'write an Ed25519 signature in base64' }),
})

export const signaturesSchema = z
  .array(signatureSchema)
  .min(1, { error: 'leave it out rather than empty' })
  .max(MOST_SIGNATURES, { error: `at most ${MOST_SIGNATURES} are possible` })
  .refine((all) => new Set(all.map(({ publicKey }) => publicKey)).size === all.length, {
    error: 'a key signs once',
  })

export type Signature = z.infer<typeof signatureSchema>

/** What of a manifest is signed. */
export interface SignedManifest {
  readonly package: string
  readonly version: string
  readonly digest: string
  readonly checksum: string
}

/** `keys`: private Ed25519 keys. The same signatures in the same order for the same keys. */
export function signManifest(manifest: SignedManifest, keys: readonly KeyObject[]): Signature[] {
  const statement = statementOf(manifest)
  const byKey = new Map(
    keys.map((key) => [
      rawPublicKey(createPublicKey(key)),
      sign(null, statement, key).toString('base64'),
    ]),
  )
  return [...byKey]
    .map(([publicKey, signature]) => ({ publicKey, signature }))
    .sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1))
}

export function checkSignatures(
  manifest: SignedManifest,
  signatures: readonly Signature[],
): CheckedSignature[] {
  const statement = statementOf(manifest)
  return signatures.map(({ publicKey, signature }) => ({
    publicKey,
    key: keyId(publicKey),
    isValid: isValid(statement, publicKey, signature),
  }))
}

/** `ed25519:` and the first half of the sha-256 of the raw key, hexadecimal. */
export function keyId(publicKey: string): string {
  const sum = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex')
  return `ed25519:${sum.slice(0, 32)}`
}

/** The 32 bytes of a public Ed25519 key, base64. */
export function rawPublicKey(key: KeyObject): string {
  const spki = key.export({ type: 'spki', format: 'der' })
  return spki.subarray(SPKI_PREFIX.length).toString('base64')
}

function isValid(statement: Buffer, publicKey: string, signature: string): boolean {
  const spki = Buffer.concat([SPKI_PREFIX, Buffer.from(publicKey, 'base64')])
  try {
    const key = createPublicKey({ key: spki, type: 'spki', format: 'der' })
    return verify(null, statement, key, Buffer.from(signature, 'base64'))
  } catch {
    // 32 bytes that are no point of the curve.
    return false
  }
}

/** G1, G2. JSON, so that no name can forge the border between two parts. */
function statementOf({ package: name, version, digest, checksum }: SignedManifest): Buffer {
  return Buffer.from(JSON.stringify(['headgate.package.v1', name, version, digest, checksum]))
}
