/**
 * Imports a package's entry module.
 *
 * Owns: the resolve hook by which every package gets the executor's own `headgate/sdk`; source maps.
 * Does not own: what the definition says (hosting/definition.ts).
 */

import { existsSync, readFileSync } from 'node:fs'
import { registerHooks, setSourceMapsSupport } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
// Loaded with the thread, so that a package finds it ready: it is half of a small package's load time.
import '../../sdk/index.ts'
import { messageOf } from '../../base/errors.ts'
import { ownModule } from '../../base/own-module.ts'
import { isDefinition } from '../../hosting/definition.ts'
import { LoadRefusal } from '../../hosting/refusal.ts'
import { STRIPPED_FOLDER } from '../../protocol/stripped-types.ts'
import type { PackageDefinition } from '../../sdk/definition.ts'

export function installSdkHook(): void {
  const sdk = ownModule('../../sdk/index', import.meta.url).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'headgate/sdk' ? { url: sdk, shortCircuit: true } : next(specifier, context),
  })
}

/** Modules of the package in `slotDir` come as JavaScript where the source thread has put it. */
export function installStrippedHook(slotDir: string): void {
  const own = pathToFileURL(`${slotDir}/`).href
  const stripped = pathToFileURL(`${slotDir}/${STRIPPED_FOLDER}/`).href
  registerHooks({
    load: (url, context, next) => {
      const code = url.startsWith(own) ? read(new URL(url.slice(own.length), stripped)) : undefined
      return code === undefined
        ? next(url, context)
        : { format: 'module', source: code, shortCircuit: true }
    },
  })
}

function read(url: URL): string | undefined {
  if (!/\.m?ts$/.test(url.pathname)) return undefined
  try {
    return readFileSync(fileURLToPath(url), 'utf8')
  } catch {
    return undefined
  }
}

export async function importDefinition(entry: string): Promise<PackageDefinition> {
  // Only for those that bring a map: it makes every stack trace dearer.
  if (existsSync(`${entry}.map`)) setSourceMapsSupport(true)
  let module: { readonly default?: unknown }
  try {
    module = await import(pathToFileURL(entry).href)
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code
    const typescript =
      code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' ||
      code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' ||
      code === 'ERR_INVALID_TYPESCRIPT_SYNTAX'
    throw new LoadRefusal(typescript ? 'typescript' : 'import', messageOf(error), { cause: error })
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
