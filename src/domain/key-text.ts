/**
 * Keys as text: PEM, PKCS8 for the private and SPKI for the public one. What is wrong with a key is
 * said without a byte of it.
 */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { HeadgateError } from '../base/errors.ts'
import { rawPublicKey } from './signature.ts'

type Refuse = (why: string) => HeadgateError

const PRIVATE = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
const ENCRYPTED = '-----BEGIN ENCRYPTED PRIVATE KEY-----'

export function isKeyText(text: string): boolean {
  return text.includes('-----BEGIN ')
}

/** The raw public key, base64. Throws `refuse()`; a private key is refused too. */
export function parsePublicKey(text: string, refuse: Refuse): string {
  // Node would take the public half of it: a secret in a list of public keys is a mistake.
  if (PRIVATE.test(text)) throw refuse('it is a private key: give the public one')
  const key = readKey(() => createPublicKey(text), refuse)
  requireEd25519(key, refuse)
  return rawPublicKey(key)
}

/** Throws `refuse()`. `passphrase`: of an encrypted key, where there is one. */
export function parsePrivateKey(
  text: string,
  passphrase: string | undefined,
  refuse: Refuse,
): KeyObject {
  const isEncrypted = text.includes(ENCRYPTED)
  if (!PRIVATE.test(text)) {
    const isPublic = text.includes('-----BEGIN PUBLIC KEY-----')
    throw refuse(isPublic ? 'it is a public key: give the private one' : NOT_PEM)
  }
  if (isEncrypted && passphrase === undefined) {
    throw refuse('it is encrypted: put its passphrase into HEADGATE_KEY_PASSPHRASE')
  }
  const wrong = isEncrypted ? 'its passphrase in HEADGATE_KEY_PASSPHRASE is not right' : NOT_PEM
  const key = readKey(
    () => createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) }),
    () => refuse(wrong),
  )
  requireEd25519(key, refuse)
  return key
}

const NOT_PEM = 'it is not a PEM key: headgate keygen makes one'

function readKey(read: () => KeyObject, refuse: Refuse): KeyObject {
  try {
    return read()
  } catch {
    throw refuse(NOT_PEM)
  }
}

function requireEd25519({ asymmetricKeyType: type }: KeyObject, refuse: Refuse): void {
  if (type !== 'ed25519') throw refuse(`it is a key for ${type ?? 'another use'}, not for ed25519`)
}
