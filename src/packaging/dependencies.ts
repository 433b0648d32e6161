/**
 * What of a bundle's dependencies cannot be packed: native addons, and packages whose install does
 * more than unpack. Nothing of the kind runs when a version is dropped, so it would fail there.
 */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { isRecord } from '../domain/canonical-json.ts'

export interface Dependency {
  readonly name: string
  readonly version: string
  /** Why it cannot be packed; null: it can. */
  readonly refusal: string | null
}

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const

/** The packages that `modules` (absolute paths) belong to, the one at `own` left out, by name. */
export function dependenciesOf(modules: readonly string[], own: string): readonly Dependency[] {
  const found = new Map<string, Dependency>()
  for (const module of modules) {
    const folder = packageFolder(module)
    if (folder === null || folder === own || found.has(folder)) continue
    found.set(folder, describe(folder))
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The name of the package that a module belongs to, for messages. */
export function packageNameOf(module: string): string {
  const folder = packageFolder(module)
  return folder === null ? module : describe(folder).name
}

/** Why a package with this package.json in this folder cannot be packed; null: it can. */
export function refusalOf(raw: Readonly<Record<string, unknown>>, folder: string): string | null {
  if (raw['gypfile'] === true || existsSync(join(folder, 'binding.gyp'))) {
    return 'it is a native addon (binding.gyp), built for one platform when it is installed'
  }
  const scripts = isRecord(raw['scripts']) ? raw['scripts'] : {}
  const script = INSTALL_SCRIPTS.find((name) => Object.hasOwn(scripts, name))
  if (script === undefined) return null
  return `it runs its script ${script} when it is installed, and nothing is installed where a version is dropped`
}

/** The nearest folder above with a package.json that has a name: others only set the module type. */
function packageFolder(module: string): string | null {
  for (let folder = dirname(module); ; folder = dirname(folder)) {
    if (typeof readJson(join(folder, 'package.json'))?.['name'] === 'string') return folder
    if (folder.endsWith(`${sep}node_modules`) || folder === dirname(folder)) return null
  }
}

function describe(folder: string): Dependency {
  const raw = readJson(join(folder, 'package.json')) ?? {}
  return {
    name: String(raw['name']),
    version: String(raw['version']),
    refusal: refusalOf(raw, folder),
  }
}

function readJson(path: string): Readonly<Record<string, unknown>> | null {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isRecord(json) ? json : null
  } catch {
    return null
  }
}
