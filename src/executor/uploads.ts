/**
 * Archives sent to the executor: written to a file of the data dir as they come, then handed to the
 * source thread, which judges and places them.
 *
 * P1  no more than a chunk of a body is in memory, and no more than the limit of it on disk.
 * P2  the file is gone when publish() has ended, however it ended; what a crash left goes at start.
 */

import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HeadgateError } from '../base/errors.ts'
import { checkName } from '../domain/names.ts'
import { checkVersion } from '../domain/version-policy.ts'
import { codeOf } from '../source/fs-fault.ts'
import { MOST_BYTES } from '../source/limits.ts'
import type { Published, Source } from '../source/source.ts'
import type { Publication } from './api.ts'

export class Uploads {
  readonly #dir: string
  readonly #source: Pick<Source, 'publish'>

  constructor(dir: string, source: Pick<Source, 'publish'>) {
    this.#dir = dir
    this.#source = source
  }

  /** P2 */
  open(): void {
    rmSync(this.#dir, { recursive: true, force: true })
    mkdirSync(this.#dir, { recursive: true })
  }

  async publish(publication: Publication): Promise<Published> {
    const identity = {
      tenant: checkName('tenant', publication.tenant),
      package: checkName('package', publication.package),
      version: checkVersion(publication.version),
    }
    const path = join(this.#dir, randomUUID())
    try {
      const found = await receive(publication, path)
      const wanted = publication.sha256 ?? found
      if (found !== wanted) throw new HeadgateError('DIGEST_MISMATCH', { found, wanted })
      return await this.#source.publish({ path, ...identity })
    } finally {
      await rm(path, { force: true })
    }
  }
}

/** Writes the body to `path`; its sha-256, hexadecimal. */
async function receive(
  { archive, maxBytes: limit = MOST_BYTES }: Publication,
  path: string,
): Promise<string> {
  const sum = createHash('sha256')
  let bytes = 0
  await using file = await written(path, open(path, 'wx', 0o644))
  for await (const part of archive) {
    bytes += part.length
    if (bytes > limit) throw new HeadgateError('PAYLOAD_TOO_LARGE', { bytes, limit })
    sum.update(part)
    // Not write(), which may write less than it is given.
    await written(path, file.writeFile(part))
  }
  return sum.digest('hex')
}

/** A fault of the disk is told as such; one of the body that is read stays what it is. */
async function written<T>(target: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (fault) {
    throw new HeadgateError('PUBLISH_FAILED', { target, why: codeOf(fault) }, { cause: fault })
  }
}
