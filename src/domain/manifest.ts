/**
 * headgate.manifest.json: what a packed drop says about itself.
 *
 * Only the list of files and the source digest are read so far; further keys pass.
 */

import { z } from 'zod'
import { HeadgateError, messageOf } from '../base/errors.ts'
import { MANIFEST_FILE } from './digest.ts'

/** The manifest alone, bytes. */
export const MANIFEST_LIMIT = 1_048_576

const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, { error: 'write 64 hexadecimal digits, lower case' })

export const manifestFileSchema = z.object({
  /** Relative to the drop's top, with forward slashes. */
  path: z.string().min(1),
  size: z.int().nonnegative(),
  sha256: digestSchema,
})

export const manifestSchema = z.looseObject({
  contract: z.literal(1),
  files: z.array(manifestFileSchema).min(1),
  /** Digest of the source folder that was packed: that folder dropped is the same version. */
  sourceDigest: digestSchema.optional(),
})

export type Manifest = z.infer<typeof manifestSchema>

/** Reads the manifest of the drop `entry`; throws MANIFEST_INVALID. */
export function parseManifest(text: string, entry: string): Manifest {
  const refuse = (why: string): HeadgateError =>
    new HeadgateError('MANIFEST_INVALID', { entry, why })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (fault) {
    throw refuse(`it is not JSON: ${messageOf(fault)}`)
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) {
    throw refuse(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    )
  }
  const seen = new Set<string>()
  for (const { path } of parsed.data.files) {
    if (path === MANIFEST_FILE) throw refuse(`${MANIFEST_FILE} cannot list itself`)
    if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
      throw refuse(`${path} is not a plain relative path`)
    }
    if (seen.has(path)) throw refuse(`${path} is listed twice`)
    seen.add(path)
  }
  return parsed.data
}
