/**
 * package.json of a new package.
 */

import { readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { z } from 'zod'
import { HEADGATE_VERSION, PACKAGE_ROOT } from '../../base/headgate-package.ts'
import { BASIC } from './templates.ts'

export const FIRST_VERSION = '0.1.0'

const textMap = z.record(z.string(), z.string())

const templateSchema = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  engines: textMap,
  headgate: z.record(z.string(), z.unknown()),
})

const basicSchema = templateSchema.extend({ scripts: textMap, devDependencies: textMap })

export type TemplateManifest = z.infer<typeof templateSchema>

export function readTemplateManifest(folder: string): TemplateManifest {
  return templateSchema.parse(readManifest(folder))
}

/**
 * The text of package.json for the package `name` in `dir`, an absolute path without links. Scripts
 * and development dependencies are those of the basic template.
 */
export function newManifest(name: string, dir: string, template: TemplateManifest): string {
  const { scripts, devDependencies } = basicSchema.parse(readManifest(BASIC.folder))
  const { description, engines, headgate } = template
  const needed = Object.entries({ ...devDependencies, headgate: headgateDependency(dir) })
  const manifest = {
    name,
    version: FIRST_VERSION,
    description,
    type: 'module',
    engines: { ...engines, headgate: `>=${HEADGATE_VERSION}` },
    headgate,
    scripts,
    devDependencies: Object.fromEntries(needed.sort(([a], [b]) => (a < b ? -1 : 1))),
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** The running headgate, as npm itself would write it: it is in no registry. */
function headgateDependency(dir: string): string {
  return `file:${relative(dir, PACKAGE_ROOT).split(sep).join('/')}`
}

function readManifest(folder: string): unknown {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
