/**
 * Modules of headgate that are found at run time, not by an import: the entries of its threads.
 *
 * The repository runs the TypeScript of src/; the published package holds the JavaScript built from
 * it, in lib/. The two trees have the same shape, so a module's URL differs in its extension only.
 */

import { extname } from 'node:path'

/** The module at `path`, which has no extension and is relative to the module `from`. */
export function ownModule(path: `./${string}` | `../${string}`, from: string): URL {
  return new URL(`${path}${extname(from)}`, from)
}
