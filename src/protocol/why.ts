/**
 * Why versions of a package serve or do not: the answer of HTTP and of `headgate why --json`.
 */

import { z } from 'zod'
import { VERDICTS } from '../domain/verdict.ts'
import { refusalRowSchema } from './status.ts'

export const explainedVersionSchema = z.object({
  /** null: the drop did not get so far as to have one. */
  version: z.string().nullable(),
  /** The entry of packages-dir it came by; null: it is there no longer. */
  entry: z.string().nullable(),
  verdict: z.enum(VERDICTS),
  /** One sentence. */
  summary: z.string(),
  /** Further sentences: what it waits for, what can be done, what else is known. */
  details: z.array(z.string()),
  refusal: refusalRowSchema.nullable(),
  /** The newest generation of the version. */
  generation: z.int().nullable(),
})

export const whyAnswerSchema = z.object({
  tenant: z.string(),
  package: z.string(),
  /** Highest first; drops without a version last. */
  versions: z.array(explainedVersionSchema),
})

export type ExplainedVersion = z.infer<typeof explainedVersionSchema>
export type WhyAnswer = z.infer<typeof whyAnswerSchema>
