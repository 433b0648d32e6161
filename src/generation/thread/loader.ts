/**
 * Imports a package's entry module.
 *
 * Owns: the resolve hook by which every package gets the executor's own `headgate/sdk`; source maps.
 * Does not own: what the definition says (hosting/definition.ts).
 */

import { existsSync, readFileSync } from 'node:fs'
import { type ModuleHooks, registerHooks, setSourceMapsSupport } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { messageOf } from '../../base/errors.ts'
import { isDefinition } from '../../hosting/definition.ts'
import { LoadRefusal } from '../../hosting/refusal.ts'
import { STRIPPED_FILE, type StrippedModules } from '../../protocol/stripped-types.ts'
import type { PackageDefinition } from '../../sdk/definition.ts'

/** Specifiers that name a file, not a package. */
const PATH = /^(?:\.{0,2}\/|file:)/

/** `sdk`: the URL that every `headgate/sdk` stands for. */
export function installSdkHook(sdk: string): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'headgate/sdk' ? { url: sdk, shortCircuit: true } : next(specifier, context),
  })
}

/**
 * Modules of the package in `slotDir` come as JavaScript where the source thread has made it. They
 * are found without asking the file system: that is most of what a small module costs.
 */
export function installStrippedHook(slotDir: string): void {
  installModules(slotDir, readStripped(slotDir))
}

/** `stripped`: by path below `dir`, where nothing need lie. undefined: there are none. */
export function installModules(dir: string, stripped: StrippedModules): ModuleHooks | undefined {
  const modules = new Map<string, string>()
  for (const [path, code] of Object.entries(stripped)) {
    modules.set(pathToFileURL(join(dir, path)).href, code)
  }
  if (modules.size === 0) return undefined
  return registerHooks({
    resolve: (specifier, context, next) => {
      const url = PATH.test(specifier) ? URL.parse(specifier, context.parentURL)?.href : undefined
      return url !== undefined && modules.has(url)
        ? { url, format: 'module', shortCircuit: true }
        : next(specifier, context)
    },
    load: (url, context, next) => {
      const source = modules.get(url)
      return source === undefined
        ? next(url, context)
        : { format: 'module', source, shortCircuit: true }
    },
  })
}

function readStripped(slotDir: string): StrippedModules {
  let text: string
  try {
    text = readFileSync(join(slotDir, STRIPPED_FILE), 'utf8')
  } catch {
    return {}
  }
  return JSON.parse(text) as StrippedModules
}

/** `dir`: the folder from which a place in the package is told. Throws LoadRefusal. */
export async function importDefinition(
  entry: string,
  dir: string = dirname(entry),
): Promise<PackageDefinition> {
  // Only for those that bring a map: it makes every stack trace dearer.
  if (existsSync(`${entry}.map`)) setSourceMapsSupport(true)
  let module: { readonly default?: unknown }
  try {
    module = await import(pathToFileURL(entry).href)
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code
    const typescript =
      code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' ||
      code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING'
    const message = `${messageOf(error)}${placeOf(error, dir)}`
    throw new LoadRefusal(typescript ? 'typescript' : 'import', message, { cause: error })
  }
  const definition = module.default
  if (!isDefinition(definition)) {
    throw new LoadRefusal(
      'definition',
      'the entry module does not default-export what definePackage() returned',
    )
  }
  return definition
}

/** ` (src/a.ts:3)`, where Node says it of a syntax error (it does of TypeScript): above its stack. */
function placeOf(error: unknown, dir: string): string {
  if (!(error instanceof SyntaxError)) return ''
  const [, url, line] = /^(file:\/\/\S+):(\d+)\n/.exec(String(error.stack)) ?? []
  return url === undefined ? '' : ` (${relative(dir, fileURLToPath(url))}:${line})`
}
