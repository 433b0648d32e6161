/**
 * The public keys an operator trusts, as they are written in options: PEM text, or a path to it.
 */

import { readFileSync } from 'node:fs'
import { HeadgateError } from '../base/errors.ts'
import { isKeyText, parsePublicKey } from '../domain/key-text.ts'
import { checkName } from '../domain/names.ts'
import {
  ALL_TENANTS,
  type SignaturePolicy,
  type SignatureTrust,
} from '../domain/signature-policy.ts'
import { codeOf } from './fs-fault.ts'

export interface SignatureOptions {
  readonly policy: SignaturePolicy
  /** By tenant, or `*` for all tenants. */
  readonly keys?: Readonly<Record<string, readonly string[]>>
}

/** Throws OPTION_INVALID, NAME_INVALID. Relative paths are taken against the working directory. */
export function readTrust({ policy, keys = {} }: SignatureOptions): SignatureTrust {
  const read = new Map(
    Object.entries(keys).map(([tenant, texts]) => [
      tenant === ALL_TENANTS ? tenant : checkName('tenant', tenant),
      texts.map((text, index) => readPublicKey(text, `signatures.keys.${tenant}[${index}]`)),
    ]),
  )
  if (policy === 'require' && [...read.values()].every((list) => list.length === 0)) {
    const why = 'require without a key would refuse every version: list the keys that are trusted'
    throw new HeadgateError('OPTION_INVALID', { option: 'signatures.keys', why })
  }
  return { policy, keys: read }
}

/** The raw key, base64. Throws OPTION_INVALID in the name of `option`. */
export function readPublicKey(textOrPath: string, option: string): string {
  const refuse = (why: string): HeadgateError =>
    new HeadgateError('OPTION_INVALID', { option, why })
  if (isKeyText(textOrPath)) return parsePublicKey(textOrPath, refuse)
  const text = readKeyFile(textOrPath, refuse)
  return parsePublicKey(text, (why) => refuse(`${textOrPath}: ${why}`))
}

/** Throws `refuse()`. */
export function readKeyFile(path: string, refuse: (why: string) => HeadgateError): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw refuse(`${path} cannot be read: ${codeOf(error)}`)
  }
}
