/**
 * What a new package can be made from: folders of headgate's own package, at the same paths in the
 * repository and in the published package.
 */

import { join } from 'node:path'
import { PACKAGE_ROOT } from '../../base/headgate-package.ts'

export interface Template {
  /** Absolute path of a whole package. */
  readonly folder: string
  /** A call for the first try. */
  readonly workflow: string
  readonly input: unknown
}

/** Its package.json, tsconfig.json and gitignore are those of the other templates too. */
export const BASIC: Template = {
  folder: join(PACKAGE_ROOT, 'templates/basic'),
  workflow: 'word_count',
  input: { text: 'to be or not to be', limit: 3 },
}

const TEMPLATES = {
  basic: BASIC,
  analytics: {
    folder: join(PACKAGE_ROOT, 'packages-dir/analytics_pipeline-2.1.0'),
    workflow: 'analytics_workflow',
    input: { limit: 3 },
  },
  campaigns: {
    folder: join(PACKAGE_ROOT, 'packages-dir/marketing_campaigns-1.3.0'),
    workflow: 'marketing_workflow',
    input: { segments: ['at_risk'], limit: 2 },
  },
} as const satisfies Record<string, Template>

export type TemplateName = keyof typeof TEMPLATES

/** Absolute. */
export const TEMPLATE_FOLDERS: readonly string[] = Object.values(TEMPLATES).map(
  ({ folder }) => folder,
)

export const TEMPLATE_NAMES: readonly string[] = Object.keys(TEMPLATES)

export function templateOf(name: TemplateName): Template {
  return TEMPLATES[name]
}
