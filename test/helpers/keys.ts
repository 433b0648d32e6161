/** Keys to sign with, made anew for each test. */

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { keyId, rawPublicKey } from '../../src/domain/signature.ts'

export interface Key {
  readonly private: KeyObject
  /** Raw, base64. */
  readonly raw: string
  /** As it is shown. */
  readonly id: string
  readonly publicPem: string
  readonly privatePem: string
}

export function makeKeys(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = rawPublicKey(publicKey)
  return {
    private: privateKey,
    raw,
    id: keyId(raw),
    publicPem: String(publicKey.export({ type: 'spki', format: 'pem' })),
    privatePem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}
