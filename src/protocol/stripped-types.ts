/**
 * Where the thread that loads a package finds its TypeScript modules as JavaScript: one file at the
 * top of the slot, beside the package's own files.
 *
 * The source thread writes it, whose parser is warm; in a new thread the parser costs 20 to 40 ms for
 * the first file and more for each than the module's own compilation. One file, because each that a
 * thread under permissions opens costs it as much as a small module.
 */

/** At the top of a slot: StrippedModules as JSON. Drops with such a name are refused. */
export const STRIPPED_FILE = '.headgate-stripped.json'

/** Path of a module within the package → its JavaScript. */
export type StrippedModules = Readonly<Record<string, string>>

/** Paths of a package whose modules are ES modules in TypeScript for sure. */
export function strippable(paths: readonly string[], packageType: unknown): readonly string[] {
  // A package.json further down may say otherwise for its folder: such files are left to the thread.
  const uniform = !paths.some((path) => path.endsWith('/package.json') && !isForeign(path))
  return paths.filter(
    (path) =>
      !isForeign(path) &&
      !/\.d\.m?ts$/.test(path) &&
      (path.endsWith('.mts') || (path.endsWith('.ts') && uniform && packageType === 'module')),
  )
}

/** Node refuses to strip types there, and so do we. */
function isForeign(path: string): boolean {
  return path.startsWith('node_modules/') || path.includes('/node_modules/')
}
