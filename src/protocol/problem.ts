/**
 * An error as `application/problem+json` (RFC 9457): HTTP answers, WebSocket error frames and
 * `headgate … --json` carry the same members.
 */

import { z } from 'zod'

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

export const problemSchema = z.object({
  /** `urn:headgate:error:<code>`: stable, never dereferenced. */
  type: z.string(),
  /** The same for every occurrence of a code. */
  title: z.string(),
  /** HTTP status of the table in base/errors.ts. */
  status: z.int(),
  /** What was wrong, which value, what to do. */
  detail: z.string(),
  code: z.string(),
  /** true: the same call may succeed later without a change. */
  retryable: z.boolean(),
  /** The values named in `detail` and further facts. */
  details: z.record(z.string(), z.unknown()).optional(),
})

export type Problem = z.infer<typeof problemSchema>
