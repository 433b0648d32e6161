/**
 * Keeps `import.meta.url` and its kin true in a bundle: each module still says where its own source
 * lay relative to the package's top, so that `new URL('../data/x.csv', import.meta.url)` finds the
 * file beside the bundle whatever folder it was written in.
 *
 * A module that asks gets constants of its own in its first line; `define` then puts them in the
 * place of the question, by syntax tree. Lines stay lines, so stack traces stay right.
 */

import { readFile } from 'node:fs/promises'
import { dirname, extname, posix, relative, sep } from 'node:path'
import type { Loader, Plugin } from 'esbuild'

const ASKS = /\bimport\s*\.\s*meta\b|\b__(?:dirname|filename)\b/

export const PLACE_DEFINES: Readonly<Record<string, string>> = {
  'import.meta.url': '__headgate_url',
  'import.meta.filename': '__headgate_file',
  'import.meta.dirname': '__headgate_folder',
  __filename: '__headgate_file',
  __dirname: '__headgate_folder',
}

/** Stands before the bundle; `import.meta` in it is the bundle's own. */
export const PLACE_BANNER =
  "import { fileURLToPath as __headgate_path } from 'node:url'\n" +
  'const __headgate_bundle = import.meta.url\n'

export interface Places {
  readonly plugin: Plugin
  /** Modules of other packages that asked, absolute: what they read there is not packed. */
  readonly foreign: readonly string[]
  /** Whether any module asked, so that PLACE_BANNER is needed. */
  readonly asked: () => boolean
}

/** `outFile` is relative to `dir`, both of the package. */
export function modulePlaces(dir: string, outFile: string): Places {
  const foreign: string[] = []
  let asked = false
  const plugin: Plugin = {
    name: 'module-place',
    setup(build) {
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
        const text = await readFile(path, 'utf8')
        if (!ASKS.test(text)) return undefined
        asked = true
        const place = relative(dir, path).split(sep).join('/')
        if (place.startsWith('../') || place.split('/').includes('node_modules')) foreign.push(path)
        const up = posix.relative(posix.dirname(outFile), place)
        return { contents: withPlace(text, up), loader: loaderOf(path), resolveDir: dirname(path) }
      })
    },
  }
  return { plugin, foreign, asked: () => asked }
}

function withPlace(text: string, place: string): string {
  const url = `const __headgate_url = new URL(${JSON.stringify(place)}, __headgate_bundle).href;`
  const path =
    ' const __headgate_file = /* @__PURE__ */ __headgate_path(__headgate_url),' +
    ' __headgate_folder = /* @__PURE__ */ __headgate_path(new URL(".", __headgate_url));'
  const head = /\b(?:import\s*\.\s*meta\s*\.\s*(?:dir|file)name|__(?:dir|file)name)\b/.test(text)
    ? url + path
    : url
  const hashBang = /^#![^\n]*\n?/.exec(text)?.[0] ?? ''
  return `${hashBang}${head} ${text.slice(hashBang.length)}`
}

function loaderOf(path: string): Loader {
  const extension = extname(path)
  if (extension === '.tsx' || extension === '.jsx') return extension === '.tsx' ? 'tsx' : 'jsx'
  return extension.endsWith('ts') ? 'ts' : 'js'
}
