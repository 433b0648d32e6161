/**
 * Keys of those who sign: made once, kept as files, read when something is packed.
 *
 * A private key is written readable by its owner alone, and nothing is ever overwritten: a key that
 * is lost cannot be had again.
 */

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { parsePrivateKey } from '../domain/key-text.ts'
import { keyId, rawPublicKey } from '../domain/signature.ts'
import { readKeyFile } from '../source/trusted-keys.ts'

export interface KeyFiles {
  /** Fingerprint of the public key, as it is shown wherever a signature is. */
  readonly key: string
  /** Absolute paths: PKCS8 and SPKI, PEM. */
  readonly privateKey: string
  readonly publicKey: string
  readonly encrypted: boolean
}

/**
 * Writes `<path>.pem` and `<path>.pub.pem`; the first one encrypted when there is a passphrase.
 * Throws FILE_EXISTS, and OPTION_INVALID where nothing can be written.
 */
export function makeKey(path: string, passphrase: string | undefined): KeyFiles {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const cipher = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  const files = { privateKey: `${path}.pem`, publicKey: `${path}.pub.pem` }
  write(files.privateKey, privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }), 0o600)
  try {
    write(files.publicKey, publicKey.export({ type: 'spki', format: 'pem' }), 0o644)
  } catch (error) {
    rmSync(files.privateKey, { force: true })
    throw error
  }
  const key = keyId(rawPublicKey(publicKey))
  return { key, ...files, encrypted: passphrase !== undefined }
}

/** Throws OPTION_INVALID: it cannot be read, is no private key, or not for Ed25519. */
export function readSigningKey(path: string, passphrase: string | undefined): KeyObject {
  const refuse = (why: string): HeadgateError =>
    new HeadgateError('OPTION_INVALID', { option: '--sign', why })
  const text = readKeyFile(path, refuse)
  return parsePrivateKey(text, passphrase, (why) => refuse(`${path}: ${why}`))
}

function write(path: string, text: string | Buffer, mode: number): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode })
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (isThere) throw new HeadgateError('FILE_EXISTS', { path }, { cause: error })
    throw new HeadgateError('OPTION_INVALID', { option: '--out', why: messageOf(error) })
  }
}
