/**
 * The secret of one start of the executor: who knows it may change what is served.
 *
 * Everything on the machine reaches a loopback port, code of a package included where Node cannot
 * restrict its network. What tells the operator apart is a file that only the operator can read.
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import { HeadgateError } from '../base/errors.ts'

export class OperatorToken {
  readonly #expected: Buffer

  constructor(token: string) {
    this.#expected = sha256(token)
  }

  /** Throws TOKEN_REFUSED unless the value of the header is `Bearer <token>`. */
  check(authorization: string | undefined): void {
    const sent = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    // Of digests, which are of one length: comparing takes as long whatever was sent.
    if (sent !== undefined && timingSafeEqual(sha256(sent), this.#expected)) return
    const why = sent === undefined ? 'none was sent' : 'what was sent is another one'
    throw new HeadgateError('TOKEN_REFUSED', { why })
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
